package helper

import (
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

// credential is the protocol's form of a token.
func credential(t keystore.Token) protocol.Credential {
	orgID, userID := salesforce.Identity(t.ID)
	return protocol.Credential{
		Org:            string(t.Org),
		For:            string(t.For),
		AccessToken:    t.AccessToken,
		TokenType:      t.TokenType,
		InstanceURL:    t.InstanceURL,
		ID:             t.ID,
		IssuedAt:       t.IssuedAt,
		Signature:      t.Signature,
		Scope:          t.Scope,
		IDToken:        t.IDToken,
		SiteURL:        t.SiteURL,
		SiteID:         t.SiteID,
		TokenFormat:    t.TokenFormat,
		APIInstanceURL: t.APIInstanceURL,
		OrgID:          orgID,
		UserID:         userID,
		ExpiresAt:      t.ExpiresAt,
		ExpiresSource:  protocol.ExpiresSource(t.ExpiresSource),
	}
}
