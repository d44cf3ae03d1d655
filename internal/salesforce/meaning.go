package salesforce

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// meaning is what a failed request comes to.
type meaning struct {
	reason Reason
	means  string // what has happened, for whoever reads it
	todo   string // the next step
}

// hint tells a person both.
func (m meaning) hint() string { return m.means + "; " + m.todo }

// refusal returns the error that an answer means, which is Salesforce's own
// code and description, or err where Salesforce has said nothing.
func refusal(resp response, code, description string, err error) *Error {
	wait := retryAfter(resp.header, time.Now())
	m := meaningOf(code, description, resp.status, wait > 0)
	return &Error{Reason: m.reason, Status: resp.status, Code: code, Description: description, RetryAfter: wait, Err: err, Hint: m.hint()}
}

// meaningOf looks an answer up. The status decides only where Salesforce's words
// say nothing (it sends nearly all refusals with 400), or where it says that
// nobody has looked at the request.
func meaningOf(code, description string, status int, hasRetryAfter bool) meaning {
	if code == "" || status == http.StatusTooManyRequests || status >= 500 {
		return meaningOfStatus(status, hasRetryAfter).meaning
	}
	return meaningOfWords(code, description).meaning
}

// meaningOfWords returns the first row that fits an OAuth error.
func meaningOfWords(code, description string) wordsRow {
	if row, ok := firstRow(byWords, code, description); ok {
		return row
	}
	return wordsRow{meaning: unknown}
}

func firstRow(rows []wordsRow, code, description string) (wordsRow, bool) {
	code, description = strings.ToLower(code), strings.ToLower(description)
	for _, row := range rows {
		if row.code == code && strings.Contains(description, row.words) {
			return row, true
		}
	}
	return wordsRow{}, false
}

// meaningOfStatus returns the first row that fits an answer without one.
func meaningOfStatus(status int, hasRetryAfter bool) statusRow {
	for _, row := range byStatus {
		if row.from <= status && status <= row.to && (hasRetryAfter || !row.retryAfter) {
			return row
		}
	}
	return statusRow{meaning: noAnswer}
}

// maxRetryAfter bounds what a Retry-After header can make us wait.
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
