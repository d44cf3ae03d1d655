package helper

import (
	"context"
	"time"

	"forcecred/keystore"
	"forcecred/keystore/secret"
	"forcecred/protocol"
	"forcecred/salesforce"
)

// refresh spends the grant's refresh token and saves what came back: first the
// grant, when Salesforce rotated it, then the token. Its caller holds the lock.
func (h *Helper) refresh(ctx context.Context, grant keystore.Grant, cached keystore.Token) (keystore.Token, error) {
	login, err := salesforce.ParseLogin(grant.LoginURL, grant.Site, grant.AllowHost)
	if err != nil {
		return keystore.Token{}, storeError("use the grant of", grant.Org, err)
	}
	client, err := h.Connect()
	if err != nil {
		return keystore.Token{}, err
	}
	// What is on the wire can't be called back: from here on neither a caller
	// who leaves nor a signal counts, until the answer is saved.
	defer h.HoldSignals()()
	ctx = context.WithoutCancel(ctx)
	asked := h.Now()
	answer, spendErr := client.Refresh(ctx, salesforce.RefreshGrant{
		Login:        login,
		ClientID:     grant.ClientID,
		ClientSecret: grant.ClientSecret,
		RefreshToken: grant.RefreshToken,
	})
	// The next refresh token is saved before anything else is looked at, also
	// when it is all that can be used of the answer.
	if err := h.saveGrant(ctx, &grant, answer.RefreshToken, spendErr); err != nil {
		return keystore.Token{}, err
	}
	if spendErr != nil {
		return keystore.Token{}, refreshError(grant.Org, spendErr)
	}
	token := newToken(grant.Org, answer, asked)
	h.setExpiry(ctx, client, login, grant, &token, answer.Date, cached)
	if err := keystore.SaveToken(ctx, h.Keystore, token); err != nil {
		// The answer is good all the same; the next caller will have to refresh.
		h.Warn(storeError("cache the token of", grant.Org, err).Message)
	}
	return token, nil
}

// saveGrant keeps in the store what a refresh showed of the grant: the next
// refresh token, and whether there is one at all.
func (h *Helper) saveGrant(ctx context.Context, grant *keystore.Grant, next secret.Text, spendErr error) error {
	rotated := !next.Empty() && !next.Equal(grant.RefreshToken)
	if !rotated && (spendErr != nil || grant.Rotates != nil && !*grant.Rotates) {
		return nil // nothing new
	}
	if rotated {
		grant.RefreshToken = next
	}
	grant.Rotates = &rotated
	grant.RefreshedAt = h.Now()
	if err := keystore.SaveGrant(ctx, h.Keystore, *grant); err != nil {
		return storeError("save the new refresh token of", grant.Org, err)
	}
	return nil
}

func newToken(org keystore.Org, a salesforce.Answer, asked time.Time) keystore.Token {
	return keystore.Token{
		Org:            org,
		AccessToken:    a.AccessToken,
		TokenType:      a.TokenType,
		InstanceURL:    a.InstanceURL,
		ID:             a.ID,
		IssuedAt:       a.IssuedAt,
		Signature:      a.Signature,
		Scope:          a.Scope,
		IDToken:        a.IDToken,
		SiteURL:        a.SiteURL,
		SiteID:         a.SiteID,
		TokenFormat:    a.TokenFormat,
		APIInstanceURL: a.APIInstanceURL,
		RefreshedAt:    asked,
	}
}

// credential is the protocol's form of a token.
func credential(t keystore.Token) protocol.Credential {
	orgID, userID := salesforce.Identity(t.ID)
	return protocol.Credential{
		Org:            string(t.Org),
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
