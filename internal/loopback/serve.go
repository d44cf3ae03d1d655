package loopback

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"forcecred/protocol/secret"
)

// serve answers one request. What is not the redirect is answered for itself and
// has no effect: browsers ask for icons, and pages for what they like.
func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if !r.isOurs(req.Host) {
		// Some other name that leads here: a page of that name could read the answers.
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
		// Chrome's question whether a page of the Internet may lead to this machine.
		// To be led here it may; to read the answer it may not.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", http.MethodGet)
		h.Set("Access-Control-Allow-Private-Network", "true")
		w.WriteHeader(http.StatusNoContent)
	case req.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		http.Error(w, "a redirect comes with GET", http.StatusMethodNotAllowed)
	case req.URL.Path == Path:
		r.receive(w, req)
	default:
		r.answerPage(w, req)
	}
}

// isOurs reports whether a Host header names this receiver and no other place.
func (r *Receiver) isOurs(host string) bool {
	port := ":" + strconv.Itoa(r.port)
	if r.port == 80 && !strings.HasSuffix(host, port) {
		host += port // which browsers leave out
	}
	return host == "localhost"+port || host == "127.0.0.1"+port || host == "[::1]"+port
}

// receive takes the redirect and sends the browser on, so that no code stays in
// its address bar or its history.
func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	query, err := url.ParseQuery(req.URL.RawQuery)
	state, stateOK := only(query, "state")
	code, codeOK := only(query, "code")
	fault, faultOK := only(query, "error")
	description, descriptionOK := only(query, "error_description")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == "" {
		http.NotFound(w, req) // the redirect has come already
		return
	}
	if subtle.ConstantTimeCompare([]byte(state), []byte(r.state)) != 1 {
		r.foreign = true
		foreignPage.write(w, http.StatusBadRequest)
		return
	}
	if err != nil || !stateOK || !codeOK || !faultOK || !descriptionOK || (code == "") == (fault == "") {
		http.Error(w, "this redirect has neither a code nor an error, or more than one", http.StatusBadRequest)
		return
	}
	r.state = ""
	r.redirect <- Redirect{secret.New(code), fault, description}
	http.Redirect(w, req, r.pagePath, http.StatusSeeOther)
}

// only returns a parameter that may be there once.
func only(query url.Values, name string) (value string, ok bool) {
	return query.Get(name), len(query[name]) <= 1
}

// answerPage answers the first who comes to the path that only the redirect's
// browser knows, once there is something to say.
func (r *Receiver) answerPage(w http.ResponseWriter, req *http.Request) {
	mine := false
	r.fetch.Do(func() { mine = true })
	if !mine {
		http.NotFound(w, req)
		return
	}
	select {
	case <-r.ready:
		r.page.write(w, http.StatusOK)
		// The connection is closed as soon as the page counts as shown.
		_ = http.NewResponseController(w).Flush() // fails only when the browser has gone
		close(r.shown)
	case <-req.Context().Done():
	}
}
