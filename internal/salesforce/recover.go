package salesforce

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// recoverRefreshToken returns the new refresh token of an answer that is unusable
// otherwise: incomplete, refused by a check, or invalid JSON. Salesforce has revoked the
// old token by then.
//
// It reads the answer as far as it is JSON. It accepts only the member of the outermost
// object, because a refresh token in another object must not replace the stored one.
func recoverRefreshToken(resp transport.Response) secret.Text {
	if !isSuccess(resp.Status) {
		return secret.Text{}
	}
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimLeft(resp.Body, "\ufeff \t\r\n")))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return secret.Text{}
	}
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			break
		}
		var token string
		if name == "refresh_token" && utf8.Valid(value) && json.Unmarshal(value, &token) == nil {
			return secret.New(token)
		}
	}
	return secret.Text{}
}
