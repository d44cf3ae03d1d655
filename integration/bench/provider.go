package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"

	"forcecred/internal/orgtest"
)

// startProvider starts an OpenID provider in front of an org. It serves the discovery
// document, and adds expires_in to the org's answers, which Salesforce never sends. It
// returns the provider's issuer.
func (fx *fixture) startProvider(o *orgtest.Org) (issuer string, err error) {
	target, err := url.Parse(o.URL)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(o.CAPEM())
	skin := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
		ModifyResponse: addExpiry,
	}
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{o.TLSCertificate()}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	fx.later(server.Close)
	mux.Handle("POST /services/oauth2/token", skin)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{ // the client may have disconnected
			"issuer":                   server.URL,
			"authorization_endpoint":   server.URL + "/services/oauth2/authorize",
			"token_endpoint":           server.URL + "/services/oauth2/token",
			"scopes_supported":         []string{"openid", "api", "refresh_token"},
			"grant_types_supported":    []string{"refresh_token"},
			"response_types_supported": []string{"code"},
		})
	})
	return server.URL, nil
}

// addExpiry adds expires_in, in seconds, to an answer that is JSON.
func addExpiry(answer *http.Response) error {
	fields := map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&fields); err != nil {
		return err
	}
	fields["expires_in"] = 7200
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	answer.ContentLength = int64(len(body))
	return nil
}
