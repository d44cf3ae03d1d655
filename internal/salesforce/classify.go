package salesforce

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/remedy"
)

// class is what kind of failure an answer is.
type class struct {
	reason     Reason
	why        string // what happened
	remedyCode remedy.Code
}

// remedy returns what a person reads of the class.
func (c class) remedy() remedy.Remedy { return remedy.Remedy{Why: c.why, Code: c.remedyCode} }

// errorRule classifies an answer by its OAuth error.
type errorRule struct {
	code     string // error, in lower case
	contains string // what error_description must contain, in lower case; "" matches any
	sample   string // an error_description that was seen, if it is more than contains
	class
}

// statusRule classifies an answer by its HTTP status.
type statusRule struct {
	from, to   int
	retryAfter bool // only with a Retry-After header
	class
}

// classify returns the error for an answer: Salesforce's own code and description,
// or err if Salesforce sent no code.
func classify(resp transport.Response, code, description string, err error) *Error {
	wait := retryAfter(resp.Header, time.Now())
	c := classOf(code, description, resp.Status, wait > 0)
	return &Error{Reason: c.reason, Status: resp.Status, Code: code, Description: description, RetryAfter: wait, Err: err, Remedy: c.remedy()}
}

// classOf looks up an answer. Salesforce sends nearly all refusals with status 400,
// so the error decides. The status decides if there is no error, or if it says that
// the server did not process the request.
func classOf(code, description string, status int, hasRetryAfter bool) class {
	if code == "" || status == http.StatusTooManyRequests || status >= 500 {
		return matchStatus(status, hasRetryAfter).class
	}
	return matchError(code, description).class
}

// IsGrantDead reports whether an answer to a refresh says that the login has ended.
func IsGrantDead(code, description string, status int) bool {
	return classOf(code, description, status, false).reason == GrantDead
}

// IsTokenExpired reports whether an answer to a refresh says that no change in the org
// makes the refresh token valid again.
func IsTokenExpired(code, description string, status int) bool {
	return classOf(code, description, status, false) == refreshTokenExpired
}

// matchError returns the first of errorRules that matches an OAuth error.
func matchError(code, description string) errorRule {
	if rule, ok := firstMatch(errorRules, code, description); ok {
		return rule
	}
	return errorRule{class: unknown}
}

func firstMatch(rules []errorRule, code, description string) (errorRule, bool) {
	code, description = strings.ToLower(code), strings.ToLower(description)
	for _, rule := range rules {
		if rule.code == code && strings.Contains(description, rule.contains) {
			return rule, true
		}
	}
	return errorRule{}, false
}

// matchStatus returns the first of statusRules that matches an HTTP status.
func matchStatus(status int, hasRetryAfter bool) statusRule {
	for _, rule := range statusRules {
		if rule.from <= status && status <= rule.to && (hasRetryAfter || !rule.retryAfter) {
			return rule
		}
	}
	return statusRule{class: notAnswer}
}

// reclassify gives an error the class that it has for a grant other than a refresh
// token. It applies the first of rules that matches. If none matches and the error
// is an expired refresh token, it applies fallback. It returns the rule.
func reclassify(e *Error, rules []errorRule, fallback class) errorRule {
	switch e.Reason {
	case Refused, GrantDead, Busy: // about the grant, and not about the server
	default:
		return errorRule{}
	}
	rule, ok := firstMatch(rules, e.Code, e.Description)
	if !ok && e.Reason == GrantDead {
		rule, ok = errorRule{class: fallback}, true
	}
	if ok {
		e.Reason, e.Remedy = rule.reason, rule.remedy()
	}
	return rule
}

// maxRetryAfter is the longest wait that a Retry-After header can request.
const maxRetryAfter = time.Hour

// retryAfter reads the Retry-After header: seconds, or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}
