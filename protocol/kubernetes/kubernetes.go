// Package kubernetes implements client.authentication.k8s.io, by which kubectl asks a program for credentials.
//
// The protocol has no "not found": if the program fails, kubectl sends no request. The
// user sees the program's stderr. kubectl itself reports the exit status alone.
package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"forcecred/internal/strictjson"
	"forcecred/protocol"
)

// Variable is the environment variable with the request.
const Variable = "KUBERNETES_EXEC_INFO"

// Request holds the fields of kubectl's request that forcecred uses.
type Request struct {
	APIVersion  string // v1 or v1beta1; the answer must have the same
	Interactive bool   // a person can answer questions
	Org         string // the org in the cluster's configuration in the kubeconfig, or ""
}

const (
	kind    = "ExecCredential"
	v1      = "client.authentication.k8s.io/v1"
	v1beta1 = "client.authentication.k8s.io/v1beta1"
)

// maxSize is larger than the system's limit for one variable.
const maxSize = 1 << 20

// Decode reads the value of [Variable]. It ignores members that it does not know, most of
// which describe the cluster. Its error is a [*protocol.Error] of [protocol.BadRequest].
//
// An empty value is not an error: a person runs the command to see the answer. kubectl
// sets the variable since 1.20. An older kubectl reports itself that it needs v1beta1.
func Decode(value string) (Request, error) {
	if value == "" {
		return Request{APIVersion: v1, Interactive: true}, nil
	}
	o, err := strictjson.Read(strings.NewReader(value), maxSize)
	if errors.Is(err, strictjson.ErrTooLarge) {
		err = fmt.Errorf("more than %d KiB", maxSize>>10)
	}
	var req Request
	if err == nil {
		req, err = read(o)
	}
	if err != nil {
		return Request{}, protocol.Errorf(protocol.BadRequest, "read %s: %v", Variable, err)
	}
	return req, nil
}

func read(o strictjson.Object) (Request, error) {
	var req Request
	var what string
	var spec, cluster, config strictjson.Object
	if err := o.Fields(map[string]any{"apiVersion": &req.APIVersion, "kind": &what}); err != nil {
		return Request{}, err
	}
	if what != kind {
		return Request{}, errors.New("its kind is not " + kind)
	}
	if req.APIVersion != v1 && req.APIVersion != v1beta1 {
		return Request{}, fmt.Errorf("its apiVersion is neither %s nor %s; it is set in the exec section of the kubeconfig", v1, v1beta1)
	}
	if err := o.Fields(map[string]any{"spec": &spec}); err != nil {
		return Request{}, err
	}
	// Before 1.22 kubectl does not say whether it is interactive. forcecred assumes that it is not.
	if err := spec.Fields(map[string]any{"interactive": &req.Interactive, "cluster": &cluster}); err != nil {
		return Request{}, err
	}
	if err := cluster.Fields(map[string]any{"config": &config}); err != nil {
		return Request{}, err
	}
	if err := config.Fields(map[string]any{"org": &req.Org}); err != nil {
		return Request{}, err
	}
	return req, nil
}

// Encode writes the answer as of now: one JSON object and a newline. client-go uses a
// token until after the expiry in the answer, which is therefore early.
func (r Request) Encode(w io.Writer, c protocol.Credential, now time.Time) error {
	type status struct {
		ExpirationTimestamp string `json:"expirationTimestamp"`
		Token               string `json:"token"`
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Status     status `json:"status"`
	}{r.APIVersion, kind, status{c.CacheUntil(now).Format(time.RFC3339), c.AccessToken.Reveal()}})
}
