package orgtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

const signingKeyID = "orgtest"

// signingKey signs the JWTs of all orgs of a process. Making it takes longer than
// all the rest of Start.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

// accessToken is a session's access token as a JWT.
func (o *Org) accessToken(s *session) string {
	return signJWT(
		field{"iss", o.URL},
		field{"sub", "uid:" + o.cfg.UserID},
		field{"aud", []string{o.instanceURL(), "https://api.salesforce.com"}},
		field{"client_id", o.cfg.ClientID},
		field{"scp", o.cfg.Scope},
		field{"iat", s.issued.Unix()},
		field{"nbf", s.issued.Unix()},
		field{"exp", s.expires.Unix()},
		field{"jti", random(16)},
	)
}

// idToken is an OpenID Connect ID token. It is good for two minutes: it is proof
// of a login that has just been, and no credential.
func (o *Org) idToken(now time.Time) string {
	return signJWT(
		field{"iss", o.URL},
		field{"sub", o.identityURL()},
		field{"aud", o.cfg.ClientID},
		field{"iat", now.Unix()},
		field{"exp", now.Add(2 * time.Minute).Unix()},
		field{"jti", random(16)},
	)
}

func signJWT(claims ...field) string {
	header := []field{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", signingKeyID}}
	signed := segment(answer{fields: header}.encode()) + "." + segment(answer{fields: claims}.encode())
	key, err := signingKey()
	if err != nil {
		panic("orgtest: " + err.Error()) // Start has made the key, or failed
	}
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		panic("orgtest: " + err.Error()) // only a key too small for SHA-256
	}
	return signed + "." + segment(signature)
}

// keys is /id/keys: what the JWTs are verified with, as a JWK set (RFC 7517).
func (o *Org) keys(call) answer {
	set := []field{}
	if o.cfg.JWT || o.cfg.openID() {
		key, err := signingKey()
		if err != nil {
			panic("orgtest: " + err.Error()) // Start has made the key, or failed
		}
		set = []field{{"keys", []map[string]string{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": signingKeyID,
			"n": segment(key.N.Bytes()),
			"e": segment(big.NewInt(int64(key.E)).Bytes()),
		}}}}
	}
	return answer{status: http.StatusOK, fields: set}
}

func segment(b []byte) string {
	return strings.TrimRight(base64.URLEncoding.EncodeToString(b), "=")
}
