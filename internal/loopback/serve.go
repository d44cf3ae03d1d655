package loopback

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"forcecred/protocol/secret"
)

// serve answers one request. A request other than the redirect has no effect: browsers
// request icons, and web pages may request anything.
func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if !r.isOwnHost(req.Host) {
		// Another name resolves to this machine: its pages could read the answers.
		http.Error(w, "forcecred does not answer under this name", http.StatusMisdirectedRequest)
		return
	}
	r.mu.Lock()
	pagePath := r.pagePath
	r.mu.Unlock()
	switch {
	case req.URL.Path != Path && req.URL.Path != pagePath:
		http.NotFound(w, req)
	case req.Method == http.MethodOptions:
		// Chrome asks whether a page from the Internet may send the browser to this
		// machine. It may, but it cannot read the answer.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", http.MethodGet)
		h.Set("Access-Control-Allow-Private-Network", "true")
		w.WriteHeader(http.StatusNoContent)
	case req.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		http.Error(w, "a redirect uses GET", http.StatusMethodNotAllowed)
	case req.URL.Path == Path:
		r.receive(w, req)
	default:
		r.answerPage(w, req)
	}
}

// isOwnHost reports whether a Host header names this receiver.
func (r *Receiver) isOwnHost(host string) bool {
	port := ":" + strconv.Itoa(r.port)
	if r.port == 80 && !strings.HasSuffix(host, port) {
		host += port // browsers omit it
	}
	return host == "localhost"+port || host == "127.0.0.1"+port || host == "[::1]"+port
}

// receive reads the redirect and redirects the browser again, so that no code stays in
// its address bar or its history.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	query, err := url.ParseQuery(req.URL.RawQuery)
	state, stateOK := only(query, "state")
	code, codeOK := only(query, "code")
	errorCode, errorOK := only(query, "error")
	description, descriptionOK := only(query, "error_description")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == "" {
		http.NotFound(w, req) // the redirect has arrived already
		return
	}
	if subtle.ConstantTimeCompare([]byte(state), []byte(r.state)) != 1 {
		r.mismatch = true
		mismatchPage.write(w, http.StatusBadRequest)
		return
	}
	if err != nil || !stateOK || !codeOK || !errorOK || !descriptionOK || (code == "") == (errorCode == "") {
		http.Error(w, "this redirect has neither a code nor an error, or more than one", http.StatusBadRequest)
		return
	}
	r.state = ""
	r.redirect <- Redirect{secret.New(code), errorCode, description}
	http.Redirect(w, req, r.pagePath, http.StatusSeeOther)
}

// only returns a parameter. It reports false if the query repeats the parameter.
func only(query url.Values, name string) (value string, ok bool) {
	return query.Get(name), len(query[name]) <= 1
}

// answerPage answers the first request for the path that only the redirected browser
// knows, as soon as the page is ready.
func (r *Receiver) answerPage(w http.ResponseWriter, req *http.Request) {
	isFirst := false
	r.fetch.Do(func() { isFirst = true })
	if !isFirst {
		http.NotFound(w, req)
		return
	}
	select {
	case <-r.ready:
		r.page.write(w, http.StatusOK)
		// Close may follow as soon as shown is closed.
		_ = http.NewResponseController(w).Flush() // fails only if the browser has left
		close(r.shown)
	case <-req.Context().Done():
	}
}
