package hints

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"forcecred/protocol/remedy"
)

// TestTable: every row has words with all facts, which can stand within a sentence.
func TestTable(t *testing.T) {
	t.Parallel()
	var r remedy.Remedy
	for v, i := reflect.ValueOf(&r).Elem(), 0; i < v.NumField(); i++ {
		v.Field(i).SetString("x")
	}
	r.Why, r.Next = "", ""
	unknown := regexp.MustCompile(`\{[a-z_]+\}`)
	for code := range table() {
		r.Code = code
		text := Text(r)
		switch {
		case text == "":
			t.Errorf("%s has no words", code)
		case unknown.MatchString(text):
			t.Errorf("%s has a fact or a step that does not exist: %s", code, text)
		case strings.HasSuffix(text, "."), strings.HasSuffix(text, ";"), strings.Contains(text, "\n"):
			t.Errorf("%s is not a part of a sentence: %q", code, text)
		case unicode.IsUpper(rune(text[0])) && !strings.HasPrefix(text, "Salesforce"):
			t.Errorf("%s begins with a capital: %q", code, text)
		case strings.Count(text, "`")%2 != 0:
			t.Errorf("%s has a backtick without another: %q", code, text)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		remedy remedy.Remedy
		want   string
	}{
		{remedy.Remedy{}, ""},
		{remedy.To("try_again"), "try again"},
		{remedy.Remedy{Why: "the answer is broken", Code: "try_again"}, "the answer is broken; try again"},
		{remedy.To("try_again").WithNext("check_clock"), "try again; check this machine's clock"},
		{remedy.Remedy{}.WithNext("check_clock"), "check this machine's clock"},
		{remedy.Remedy{Code: "close_folder", Path: "/home/a b/.forcecred"}, "chmod 700 /home/a b/.forcecred"},
		{remedy.Remedy{Code: "erase_org_first", Org: "$(x)"}, "`forcecred erase ORG` deletes it"},
		{remedy.Remedy{Code: "sf_log_out", Org: "prod"}, "`sf org logout --target-org prod` ends it"},
	} {
		if got := Text(tt.remedy); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.remedy, got, tt.want)
		}
	}
}
