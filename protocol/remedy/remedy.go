// Package remedy describes what a person can do about a failure: a code and the facts to word it with.
package remedy

// Code names a remedy. Package internal/hints has the words for each.
type Code string

// Remedy is what a person can do about a failure. It names no command, flag or
// variable, because those belong to the program that words it. The zero Remedy says
// that there is nothing to do. No field holds a secret.
type Remedy struct {
	Code Code
	Why  string // what happened, if the error's own text does not say it
	Next Code   // what else to do or to know after that, or ""

	// The facts of the failure; each may be "".
	Org       string // or another name of a login
	Username  string
	LoginURL  string
	ClientID  string
	ClientApp string // the app that the Salesforce CLI linked to the user
	KeyFile   string
	Source    string // who made the login, as a stored grant says
	GrantType string
	Path      string
	Name      string // of anything else: a variable, a keyring, a keystore
	Detail    string // figures, or a list to choose from
}

// To returns the remedy of that code, without facts.
func To(code Code) Remedy { return Remedy{Code: code} }

// IsZero reports whether there is nothing to do.
func (r Remedy) IsZero() bool { return r == Remedy{} }

// WithNext returns r with one more thing to do or to know.
func (r Remedy) WithNext(code Code) Remedy {
	if r.Code == "" {
		r.Code = code
	} else {
		r.Next = code
	}
	return r
}
