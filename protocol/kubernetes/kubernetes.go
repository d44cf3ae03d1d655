// Package kubernetes speaks client.authentication.k8s.io, in which kubectl asks a program for a credential.
//
// There is no "not found" in it: a program answers, or it fails and its caller
// sends no request. What it says on stderr is shown to the person; kubectl
// itself tells the exit status alone.
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

// Variable is the environment variable that a request comes in.
const Variable = "KUBERNETES_EXEC_INFO"

// Request is what a caller tells. It has the fields that matter here.
type Request struct {
	APIVersion  string // v1 or v1beta1, as the answer has to be
	Interactive bool   // a person is there, who may be asked
	Org         string // what the cluster's configuration in the kubeconfig names, or ""
}

const (
	kind    = "ExecCredential"
	v1      = "client.authentication.k8s.io/v1"
	v1beta1 = "client.authentication.k8s.io/v1beta1"
)

// maxSize is more than a system lets one variable have.
const maxSize = 1 << 20

// Decode reads the value of [Variable]. What it does not know is ignored; most of
// it tells of the cluster. Its error is a [*protocol.Error] of [protocol.BadRequest].
//
// An empty value is not an error, but the call of a person who wants to see what
// kubectl would get, which sets the variable since 1.20. An older one says itself
// that it wanted v1beta1.
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
		return Request{}, fmt.Errorf("its apiVersion, which is that of the exec in the kubeconfig, is neither %s nor %s", v1, v1beta1)
	}
	if err := o.Fields(map[string]any{"spec": &spec}); err != nil {
		return Request{}, err
	}
	// Before 1.22 kubectl does not say whether somebody is there: then nobody is.
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

// Encode writes the answer at that time: one JSON object and a newline. client-go
// uses a token until after the time that it is told.
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
