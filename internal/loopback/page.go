package loopback

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/http"
	"strconv"
	"strings"
)

// Page is what the browser shows of how a login ended. All of it is escaped.
type Page struct {
	OK    bool
	Title string
	Lines []string // paragraphs; empty ones are left out
}

// foreignPage is for whom a redirect brings here that is not waited for.
var foreignPage = Page{
	Title: "This is not the login that forcecred waits for",
	Lines: []string{"The address that led here belongs to another login, or was made up. Nothing was done.", "If you meant to log in, start again with forcecred login, and use the page that it opens."},
}

// pageSource has three places to fill in. They are all text of elements or of an
// attribute, so that html/template would do no more than html does, and would make
// every method of every type a part of the program: a third more of it.
//
//go:embed page.html
var pageSource string

func (p Page) write(w http.ResponseWriter, status int) {
	outcome := "no"
	if p.OK {
		outcome = "yes"
	}
	var lines strings.Builder
	for _, line := range p.Lines {
		if line != "" {
			lines.WriteString("<p>" + html.EscapeString(line) + "</p>\n")
		}
	}
	// In one pass: what is filled in is not looked at again.
	page := strings.NewReplacer("{{outcome}}", outcome, "{{title}}", html.EscapeString(p.Title), "{{lines}}\n", lines.String()).Replace(pageSource)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.Header().Set("Content-Security-Policy", policy())
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page)) // fails only when the browser has gone
}

// policy lets the page's one style sheet in, and nothing else.
func policy() string {
	_, style, _ := strings.Cut(pageSource, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
