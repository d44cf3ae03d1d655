package helper

import (
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

// credential returns the protocol's form of a token.
func credential(t keystore.Token) protocol.Credential {
	orgID, userID := salesforce.Identity(t.ID)
	return protocol.Credential{
		Org:           string(t.Org),
		For:           string(t.For),
		Token:         t.Token,
		OrgID:         orgID,
		UserID:        userID,
		ExpiresAt:     t.ExpiresAt,
		ExpiresSource: protocol.ExpiresSource(t.ExpiresSource),
	}
}
