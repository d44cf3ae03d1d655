package protocol

import (
	"errors"
	"strings"

	"forcecred/internal/strictjson"
	"forcecred/protocol/remedy"
	"forcecred/protocol/secret"
)

// readSFResult reads credentials from JSON of the Salesforce CLI into req. `sf org auth
// show-sfdx-auth-url` and `sf org display --verbose` print such JSON:
// {"result":{"sfdxAuthUrl":…,"username":…}}. `sf org login sfdx-url` reads the inner
// object from a file. isResult reports whether o is one of the two.
func readSFResult(o strictjson.Object, req *StoreRequest) (isResult bool, err error) {
	inner := o
	if _, has := o["result"]; has {
		if err := o.Fields(map[string]any{"result": &inner}); err != nil {
			return true, badRequest(errors.New("the Salesforce CLI's result is not an object"))
		}
	} else if _, has := o["sfdxAuthUrl"]; !has {
		return false, nil
	}
	var authURL, username string
	if err := inner.Fields(map[string]any{"sfdxAuthUrl": &authURL, "username": &username}); err != nil {
		return true, badRequest(errors.New("the Salesforce CLI's sfdxAuthUrl or username is not a string"))
	}
	switch {
	case authURL == "":
		return true, unusableResult("the Salesforce CLI's result has no sfdxAuthUrl")
	case strings.HasPrefix(authURL, "[REDACTED]"):
		return true, unusableResult("the Salesforce CLI has hidden the sfdxAuthUrl")
	}
	req.SFDXAuthURL, req.Username = secret.New(authURL), username
	return true, nil
}

func unusableResult(text string) *Error {
	return &Error{Code: BadRequest, Message: "read the request: " + text, Remedy: remedy.To("sf_show_auth_url")}
}
