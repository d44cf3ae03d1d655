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

// Page is the result of a login, for the browser. All texts are escaped.
type Page struct {
	OK    bool
	Title string
	Lines []string // paragraphs; empty ones are left out
}

// mismatchPage answers a redirect with the state of another login.
var mismatchPage = Page{
	Title: "forcecred is not waiting for this login",
	Lines: []string{"This address belongs to another login, or is forged. forcecred did nothing.", "To log in, start the login again in the terminal, and use the page that it opens."},
}

// pageSource has three placeholders. All are the text of an element or an attribute,
// for which package html is enough. html/template would add a third to the program,
// because its reflection keeps every method of every type.
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
	// In one pass, so that placeholders in the texts are not replaced.
	page := strings.NewReplacer("{{outcome}}", outcome, "{{title}}", html.EscapeString(p.Title), "{{lines}}\n", lines.String()).Replace(pageSource)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.Header().Set("Content-Security-Policy", policy())
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page)) // fails only if the browser has left
}

// policy allows the page's style sheet, and nothing else.
func policy() string {
	_, style, _ := strings.Cut(pageSource, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	hash := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
