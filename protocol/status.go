package protocol

import (
	"io"
	"time"
)

// OrgStatus is an org in the answer to `status`. It holds no secret.
type OrgStatus struct {
	ListedOrg
	Keystore    string
	TokenSource ExpiresSource // "" if no token is cached
	IdleUntil   time.Time     // when Salesforce ends a refresh token that is not used; zero if there is none
	LastFailure Failure       // since the last refresh; zero if there was none
	Check       *TokenCheck   // nil if Salesforce was not asked
}

// Failure is a refresh that failed.
type Failure struct {
	Code Code
	At   time.Time
}

// TokenCheck is the state of a cached token according to Salesforce.
type TokenCheck struct {
	State   TokenState
	Code    Code   // why the state is not known
	Message string // the reason in words
}

// TokenState says whether a token works.
type TokenState string

const (
	TokenGood    TokenState = "good"
	TokenDead    TokenState = "dead"    // the next get replaces it
	TokenNone    TokenState = "none"    // no token is cached
	TokenUnknown TokenState = "unknown" // Salesforce could not be asked
)

type statusJSON struct {
	listedJSON
	Keystore       string       `json:"keystore"`
	TokenSource    string       `json:"token_expires_source,omitempty"`
	TokenExpiresIn *int64       `json:"token_expires_in,omitempty"`
	IdleUntil      string       `json:"idle_until,omitempty"`
	IdleDays       *int64       `json:"idle_days,omitempty"`
	LastFailure    *failureJSON `json:"last_failure,omitempty"`
	Check          *checkJSON   `json:"check,omitempty"`
}

type failureJSON struct {
	Code Code   `json:"code"`
	At   string `json:"at"`
}

type checkJSON struct {
	Token   TokenState `json:"token"`
	Code    Code       `json:"code,omitempty"`
	Message string     `json:"message,omitempty"`
}

// EncodeStatus writes the answer to `status` as of that time, in the order of orgs.
func EncodeStatus(w io.Writer, orgs []OrgStatus, now time.Time) error {
	all := make([]statusJSON, 0, len(orgs)) // an empty list is [], not null
	for _, o := range orgs {
		s := statusJSON{listedJSON: newListedJSON(o.ListedOrg), Keystore: o.Keystore, TokenSource: string(o.TokenSource), IdleUntil: formatTime(o.IdleUntil)}
		if !o.TokenExpiresAt.IsZero() {
			left := max(0, int64(o.TokenExpiresAt.Sub(now)/time.Second))
			s.TokenExpiresIn = &left
		}
		if !o.IdleUntil.IsZero() {
			days := o.IdleDays(now)
			s.IdleDays = &days
		}
		if o.LastFailure.Code != "" {
			s.LastFailure = &failureJSON{o.LastFailure.Code, formatTime(o.LastFailure.At)}
		}
		if o.Check != nil {
			s.Check = &checkJSON{o.Check.State, o.Check.Code, o.Check.Message}
		}
		all = append(all, s)
	}
	return writeJSON(w, struct {
		Version int          `json:"version"`
		Orgs    []statusJSON `json:"orgs"`
	}{Version, all})
}

// IdleDays returns the number of whole days until IdleUntil, or 0 if it is past.
func (o OrgStatus) IdleDays(now time.Time) int64 {
	return max(0, int64(o.IdleUntil.Sub(now)/(24*time.Hour)))
}
