package helper

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// Refusals stores how Salesforce last refused an org's grant, one record for each org. It
// is best effort: a record that cannot be stored or read is absent. A record has no secret.
// The caller of each method holds the org's lock.
type Refusals interface {
	Save(org keystore.Org, record []byte)
	Load(org keystore.Org) []byte // nil if there is none
	Delete(org keystore.Org)
}

// Attempt says when and how a caller asked for a token. It decides whether the refusal of
// an earlier request also answers this caller.
type Attempt struct {
	At    time.Time // when the caller asked, before any wait for a lock
	Force bool      // the caller wants a request, even if Salesforce refused this grant before

	hasLooked bool // the caller has read the cached token, and knows that the org is stored
}

const (
	// rateWindow is how long a login rate that was exceeded answers later callers as well.
	rateWindow = 5 * time.Second

	// deadWindow is how long a refresh token is not sent again after a refusal that an admin
	// may have caused and may undo. A token that has expired is never sent again.
	deadWindow = time.Hour
)

// refusal is the record of how Salesforce refused a grant.
type refusal struct {
	Version     int               `json:"version"`
	Salt        []byte            `json:"salt"`
	Grant       []byte            `json:"grant"` // digest of what was sent
	At          time.Time         `json:"at"`
	Reason      salesforce.Reason `json:"reason"`
	Status      int               `json:"status,omitempty"`
	Code        string            `json:"error,omitempty"`
	Description string            `json:"error_description,omitempty"`
	Text        string            `json:"text,omitempty"` // of an answer without an OAuth error
	Why         string            `json:"why,omitempty"`
	Remedy      remedy.Code       `json:"remedy,omitempty"`
}

const refusalVersion = 1

// sharedRefusal returns the error for a caller whose request an earlier refusal answers, or
// nil if the grant must be sent. The caller holds the lock. cached is the org's token.
func (h *Helper) sharedRefusal(grant keystore.Grant, asked Attempt, cached keystore.Token) error {
	data := h.refusals().Load(grant.Org)
	if data == nil {
		return nil
	}
	r, err := decodeRefusal(data)
	if err != nil || !hmac.Equal(r.Grant, grantDigest(r.Salt, grant)) ||
		cached.RefreshedAt.After(r.At) || grant.RefreshedAt.After(r.At) {
		h.refusals().Delete(grant.Org) // the grant has changed, or was accepted since
		return nil
	}
	if !r.answers(asked, h.now()) {
		return nil
	}
	return loginError(grant, r.error())
}

// answers reports whether the refusal answers a caller.
func (r refusal) answers(asked Attempt, now time.Time) bool {
	age := now.Sub(r.At)
	switch {
	case age < 0:
		return false // the clock was set back
	case r.At.After(asked.At):
		return true // the caller waited while Salesforce refused
	case asked.Force:
		return false
	case r.Reason == salesforce.Throttled:
		return age < rateWindow
	case r.Reason == salesforce.GrantDead:
		return age < deadWindow || salesforce.IsTokenExpired(r.Code, r.Description, r.Status)
	}
	return false // somebody may have changed the setting
}

// saveRefusal records that Salesforce refused the grant. It does not record an error that
// is about one request only, or about the network. The caller holds the lock.
func (h *Helper) saveRefusal(grant keystore.Grant, err error) {
	e := (*salesforce.Error)(nil)
	if !errors.As(err, &e) || !isShared(e, grant) {
		return
	}
	r := refusal{
		Version: refusalVersion, Salt: make([]byte, 16), At: h.now().UTC(),
		Reason: e.Reason, Status: e.Status, Code: e.Code, Description: e.Description, Why: e.Remedy.Why, Remedy: e.Remedy.Code,
	}
	if e.Err != nil {
		r.Text = e.Err.Error()
	}
	rand.Read(r.Salt)
	r.Grant = grantDigest(r.Salt, grant)
	if data, err := json.Marshal(r); err == nil {
		h.refusals().Save(grant.Org, data)
	}
}

// isShared reports whether a refusal may answer another caller. One without Salesforce's
// code may come from a proxy that is this caller's alone.
func isShared(e *salesforce.Error, grant keystore.Grant) bool {
	switch e.Reason {
	case salesforce.GrantDead:
		return usesRefreshToken(grant)
	case salesforce.Refused:
		return e.Code != ""
	case salesforce.Throttled:
		return true
	}
	return false
}

// decodeRefusal decodes a record. It fails for a record of another version, for a text that
// this forcecred would not have written, and if the refusal is classified otherwise today.
func decodeRefusal(data []byte) (refusal, error) {
	var r refusal
	if err := json.Unmarshal(data, &r); err != nil {
		return r, err
	}
	isKnown := r.Reason == salesforce.Refused || r.Reason == salesforce.Throttled ||
		r.Reason == salesforce.GrantDead && salesforce.IsGrantDead(r.Code, r.Description, r.Status)
	for _, text := range []string{r.Code, r.Description, r.Text, r.Why, string(r.Remedy)} {
		isKnown = isKnown && strings.IndexFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
	}
	if r.Version != refusalVersion || !isKnown {
		return r, errors.New("not a record of this version")
	}
	return r, nil
}

// error returns the error of the request that was refused.
func (r refusal) error() *salesforce.Error {
	e := &salesforce.Error{
		Reason: r.Reason, Status: r.Status, Code: r.Code, Description: r.Description,
		Remedy: remedy.Remedy{Why: r.Why, Code: r.Remedy},
	}
	if r.Text != "" {
		e.Err = errors.New(r.Text)
	}
	return e
}

// grantDigest identifies what is sent to exchange the grant, without revealing it. It
// changes when a person stores the grant again.
func grantDigest(salt []byte, g keystore.Grant) []byte {
	mac := hmac.New(sha256.New, salt)
	for _, part := range []string{
		string(g.Type), g.LoginURL, g.Site, g.ClientID, g.ClientSecret.Reveal(), g.RefreshToken.Reveal(),
		g.PrivateKey.Reveal(), g.PrivateKeyFile, g.KeyID, g.Audience, g.AudienceURL, g.Username, g.StoredAt.UTC().Format(time.RFC3339Nano),
	} {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return mac.Sum(nil)
}

// refusalsInMemory is the Refusals of a Helper without others.
type refusalsInMemory struct{ records sync.Map }

func (m *refusalsInMemory) Save(org keystore.Org, record []byte) { m.records.Store(org, record) }

func (m *refusalsInMemory) Load(org keystore.Org) []byte {
	record, _ := m.records.Load(org)
	data, _ := record.([]byte)
	return data
}

func (m *refusalsInMemory) Delete(org keystore.Org) { m.records.Delete(org) }
