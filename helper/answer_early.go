package helper

import (
	"time"

	"forcecred/keystore"
)

// earlyAfter is how long the keystore may take to store what Salesforce answered, before
// the caller gets the answer without waiting for the rest.
const earlyAfter = time.Second

// answerEarly gives a new token to Config.Early, unless stop is called within earlyAfter. The
// caller has made the new refresh token durable, or there is none.
func (h *Helper) answerEarly(token keystore.Token, isAnswer bool) (stop func()) {
	if h.config.Early == nil || !isAnswer {
		return func() {}
	}
	timer := time.AfterFunc(h.earlyAfter, func() { h.config.Early(credential(token)) })
	return func() { timer.Stop() }
}
