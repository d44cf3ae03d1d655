package salesforce

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"forcecred/internal/salesforce/transport"
	"forcecred/protocol/secret"
)

// recoverRefreshToken finds a new refresh token in an answer that is of no use otherwise:
// cut off, refused by a check, or broken JSON. By then the old one is refreshTokenExpired.
//
// It reads as far as the answer is JSON, and takes the token from where
// Salesforce puts it alone: what some other object in it calls a refresh token
// must not replace ours.
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
