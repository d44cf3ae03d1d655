package protocol

import (
	"io"
	"time"
)

// ListedOrg is an org in the answer to `list`. It holds no secret.
type ListedOrg struct {
	Org            string
	Username       string
	LoginURL       string
	Site           string
	InstanceURL    string
	OrgID          string
	UserID         string
	ClientID       string
	GrantType      string
	Rotates        *bool // nil until a refresh has shown it
	TokenExpiresAt time.Time
	RefreshedAt    time.Time
	StoredAt       time.Time
}

type listedJSON struct {
	Org            string `json:"org"`
	Username       string `json:"username,omitempty"`
	LoginURL       string `json:"login_url,omitempty"`
	Site           string `json:"site,omitempty"`
	InstanceURL    string `json:"instance_url,omitempty"`
	OrgID          string `json:"org_id,omitempty"`
	UserID         string `json:"user_id,omitempty"`
	ClientID       string `json:"client_id,omitempty"`
	GrantType      string `json:"grant_type,omitempty"`
	Rotates        *bool  `json:"rotates,omitempty"`
	TokenExpiresAt string `json:"token_expires_at,omitempty"`
	RefreshedAt    string `json:"refreshed_at,omitempty"`
	StoredAt       string `json:"stored_at,omitempty"`
}

// EncodeList writes the answer to `list`, in the order of orgs.
func EncodeList(w io.Writer, orgs []ListedOrg) error {
	listed := make([]listedJSON, 0, len(orgs)) // an empty list is [], not null
	for _, o := range orgs {
		listed = append(listed, newListedJSON(o))
	}
	return writeJSON(w, struct {
		Version int          `json:"version"`
		Orgs    []listedJSON `json:"orgs"`
	}{Version, listed})
}

func newListedJSON(o ListedOrg) listedJSON {
	return listedJSON{
		o.Org, o.Username, o.LoginURL, o.Site, o.InstanceURL, o.OrgID, o.UserID, o.ClientID, o.GrantType, o.Rotates,
		formatTime(o.TokenExpiresAt), formatTime(o.RefreshedAt), formatTime(o.StoredAt),
	}
}
