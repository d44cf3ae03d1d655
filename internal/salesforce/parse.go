package salesforce

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"forcecred/internal/salesforce/transport"
	"forcecred/internal/strictjson"
	"forcecred/internal/text"
	"forcecred/protocol/secret"
)

// parse reads an answer, which must be a JSON object without an error. Its own error has
// none of the secrets.
func parse(resp transport.Response, secrets ...secret.Text) (strictjson.Object, error) {
	o, err := strictjson.Parse(resp.Body)
	switch {
	case errors.Is(err, strictjson.ErrEmpty):
		return nil, classify(resp, "", "", errors.New("the answer is empty"))
	case errors.Is(err, strictjson.ErrNotObject):
		if code, message := errorFields(firstOfList(resp.Body)); code != "" {
			return nil, classify(resp, sanitize(code, secrets...), sanitize(message, secrets...), nil)
		}
	}
	if err != nil {
		return nil, classify(resp, "", "", fmt.Errorf("the answer is %w", err))
	}
	return o, answerError(o, resp, secrets...)
}

// answerError returns the error in an object, with any status: status 200 with an error
// in the body is an error too.
func answerError(o strictjson.Object, resp transport.Response, secrets ...secret.Text) error {
	code, description := errorFields(o)
	if code == "" && isSuccess(resp.Status) {
		return nil
	}
	if code == "" {
		return classify(resp, "", "", errors.New("the answer is not an OAuth answer"))
	}
	return classify(resp, sanitize(code, secrets...), sanitize(description, secrets...), nil)
}

// errorFields returns the code and the description of an error, or "" and "". Salesforce
// has two formats: OAuth's error and error_description (RFC 6749, section 5.2), and
// errorCode and message in a list of one object, which its REST API and its gateways send.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
func errorFields(o strictjson.Object) (code, description string) {
	for _, form := range []struct{ code, description string }{{"error", "error_description"}, {"errorCode", "message"}} {
		if o.Fields(map[string]any{form.code: &code}) == nil && code != "" {
			_ = o.Fields(map[string]any{form.description: &description}) // the code alone says enough
			return code, description
		}
	}
	return "", ""
}

// firstOfList returns the first object of a JSON list, or nil if body is not such a list.
func firstOfList(body []byte) strictjson.Object {
	var list []json.RawMessage
	body, err := text.Plain(body)
	if err != nil || json.Unmarshal(body, &list) != nil || len(list) == 0 {
		return nil
	}
	o, err := strictjson.Parse(list[0])
	if err != nil {
		return nil
	}
	return o
}

// isSuccess reports whether a status is one of success.
func isSuccess(status int) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}
