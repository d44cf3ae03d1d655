package orgtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const signingKeyID = "orgtest"

// signingKey signs the JWTs of all orgs of a process, because making a key takes longer than
// the rest of Start.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

// accessToken returns a session's access token as a JWT.
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

// idToken returns an OpenID Connect ID token, with the login's nonce if it has one. It is
// valid for two minutes, because it proves a recent login and is no credential.
func (o *Org) idToken(now time.Time, nonce string) string {
	claims := []field{
		{"iss", o.URL},
		{"sub", o.identityURL()},
		{"aud", o.cfg.ClientID},
		{"iat", now.Unix()},
		{"exp", now.Add(2 * time.Minute).Unix()},
		{"jti", random(16)},
	}
	if nonce != "" {
		claims = append(claims, field{"nonce", nonce})
	}
	return signJWT(claims...)
}

// reissue signs an answer's ID token again, with the fault's changes.
func (o *Org) reissue(a *answer, f Fault) {
	i := slices.IndexFunc(a.fields, func(f field) bool { return f.name == "id_token" })
	if i < 0 || f.IDToken == nil && !f.ForeignKey {
		return
	}
	issued, _ := a.fields[i].value.(string)
	claims := map[string]any{}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(issued, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		panic("orgtest: " + err.Error()) // this org has made it
	}
	maps.Copy(claims, f.IDToken)
	fields := answer{}
	for name, value := range claims {
		fields.fields = append(fields.fields, field{name, value})
	}
	key := signingKey
	if f.ForeignKey {
		key = foreignKey
	}
	a.fields[i].value = signWith(key, fields.fields...)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.idTokens = append(o.idTokens, a.fields[i].value.(string))
}

// foreignKey is a key with the id of the org's, which the org does not publish.
var foreignKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

func signJWT(claims ...field) string { return signWith(signingKey, claims...) }

func signWith(makeKey func() (*rsa.PrivateKey, error), claims ...field) string {
	header := []field{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", signingKeyID}}
	signed := segment(answer{fields: header}.encode()) + "." + segment(answer{fields: claims}.encode())
	key, err := makeKey()
	if err != nil {
		panic("orgtest: " + err.Error()) // Start has made one, and could
	}
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		panic("orgtest: " + err.Error()) // only a key too small for SHA-256
	}
	return signed + "." + segment(signature)
}

// keys is /id/keys: the keys that verify the JWTs, as a JWK set (RFC 7517).
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
