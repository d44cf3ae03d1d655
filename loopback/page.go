package loopback

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"sync"
)

// Page is what the browser shows of how a login ended. All of it is escaped.
type Page struct {
	OK    bool
	Title string
	Lines []string // paragraphs
}

// foreignPage is for whom a redirect brings here that is not waited for.
var foreignPage = Page{
	Title: "This is not the login that forcecred waits for",
	Lines: []string{"The address that led here belongs to another login, or was made up. Nothing was done.", "If you meant to log in, start again with forcecred login, and use the page that it opens."},
}

//go:embed page.html
var pageSource string

// pageTemplate has the page, and the policy that lets its one style sheet in.
var pageTemplate = sync.OnceValues(func() (*template.Template, string) {
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(pageSource)[1]
	hash := sha256.Sum256([]byte(style))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return template.Must(template.New("page").Parse(pageSource)), policy
})

func (p Page) write(w http.ResponseWriter, status int) {
	page, policy := pageTemplate()
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		http.Error(w, p.Title, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.Header().Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // fails only when the browser has gone
}
