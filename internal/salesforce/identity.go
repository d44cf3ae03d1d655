package salesforce

import "strings"

// Identity returns the org's and the user's id, the last two segments of the
// identity URL that is an answer's id, or "" and "" when it has no such form.
func Identity(id string) (orgID, userID string) {
	_, path, ok := strings.Cut(id, "/id/")
	if !ok {
		return "", ""
	}
	orgID, userID, ok = strings.Cut(path, "/")
	if !ok || !isRecordID(orgID) || !isRecordID(userID) {
		return "", ""
	}
	return orgID, userID
}

// isRecordID reports whether s looks like a Salesforce record id, of 15 or 18 letters and digits.
func isRecordID(s string) bool {
	return (len(s) == 15 || len(s) == 18) && only(s, func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
	})
}
