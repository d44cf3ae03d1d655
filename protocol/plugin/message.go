package plugin

import (
	"time"

	"forcecred/protocol"
	pb "forcecred/protocol/plugin/internal/forcecredv1"
	"forcecred/protocol/secret"
	"forcecred/protocol/token"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// This file alone reveals secrets in this package, to send them. A message prints its
// fields, so never log one or put one into an error.

func getMessage(r protocol.GetRequest) *pb.GetRequest {
	return &pb.GetRequest{Org: r.Org, MinTtl: durationpb.New(r.MinTTL), RejectedToken: r.RejectedToken.Reveal(), Force: r.Force, TokenFor: r.For}
}

func watchMessage(r protocol.GetRequest) *pb.WatchRequest {
	return &pb.WatchRequest{Org: r.Org, MinTtl: durationpb.New(r.MinTTL), RejectedToken: r.RejectedToken.Reveal(), Force: r.Force, TokenFor: r.For}
}

// getMessages are the messages that getRequest reads.
type getMessages interface {
	GetOrg() string
	GetMinTtl() *durationpb.Duration
	GetRejectedToken() string
	GetForce() bool
	GetTokenFor() string
}

func getRequest(m getMessages) protocol.GetRequest {
	r := protocol.GetRequest{
		Org: m.GetOrg(), MinTTL: protocol.DefaultMinTTL, RejectedToken: secret.New(m.GetRejectedToken()), Force: m.GetForce(), For: protocol.APIFor(m.GetTokenFor()),
	}
	if ttl := m.GetMinTtl(); ttl != nil {
		r.MinTTL = ttl.AsDuration()
	}
	return r
}

func storeMessage(r protocol.StoreRequest, verify bool) *pb.StoreRequest {
	return &pb.StoreRequest{
		Org:            r.Org,
		LoginUrl:       r.LoginURL,
		Site:           r.Site,
		ClientId:       r.ClientID,
		ClientSecret:   r.ClientSecret.Reveal(),
		RefreshToken:   r.RefreshToken.Reveal(),
		SfdxAuthUrl:    r.SFDXAuthURL.Reveal(),
		GrantType:      r.GrantType,
		PrivateKey:     r.PrivateKey.Reveal(),
		PrivateKeyFile: r.PrivateKeyFile,
		KeyId:          r.KeyID,
		Audience:       r.Audience,
		Username:       r.Username,
		SessionTimeout: durationpb.New(r.SessionTimeout),
		AllowHost:      r.AllowHost,
		Verify:         verify,
	}
}

func storeRequest(m *pb.StoreRequest) protocol.StoreRequest {
	return protocol.StoreRequest{
		Org:            m.GetOrg(),
		LoginURL:       m.GetLoginUrl(),
		Site:           m.GetSite(),
		ClientID:       m.GetClientId(),
		ClientSecret:   secret.New(m.GetClientSecret()),
		RefreshToken:   secret.New(m.GetRefreshToken()),
		SFDXAuthURL:    secret.New(m.GetSfdxAuthUrl()),
		GrantType:      m.GetGrantType(),
		PrivateKey:     secret.New(m.GetPrivateKey()),
		PrivateKeyFile: m.GetPrivateKeyFile(),
		KeyID:          m.GetKeyId(),
		Audience:       m.GetAudience(),
		Username:       m.GetUsername(),
		SessionTimeout: m.GetSessionTimeout().AsDuration(),
		AllowHost:      m.GetAllowHost(),
	}
}

func eraseMessage(r protocol.EraseRequest) *pb.EraseRequest {
	return &pb.EraseRequest{Org: r.Org, RejectedToken: r.RejectedToken.Reveal()}
}

func eraseRequest(m *pb.EraseRequest) protocol.EraseRequest {
	return protocol.EraseRequest{Org: m.GetOrg(), RejectedToken: secret.New(m.GetRejectedToken())}
}

func credentialMessage(c protocol.Credential) *pb.Credential {
	m := &pb.Credential{
		Org:           c.Org,
		OrgId:         c.OrgID,
		UserId:        c.UserID,
		ExpiresAt:     timestamp(c.ExpiresAt),
		ExpiresSource: string(c.ExpiresSource),
		TokenFor:      c.For,
	}
	plain := token.Reveal(c.Token)
	for name, text := range token.Members(&plain) {
		if field := tokenField(name); field != nil {
			m.ProtoReflect().Set(field, protoreflect.ValueOfString(*text))
		}
	}
	return m
}

func credential(m *pb.Credential) protocol.Credential {
	var plain token.Plain
	for name, text := range token.Members(&plain) {
		if field := tokenField(name); field != nil {
			*text = m.ProtoReflect().Get(field).String()
		}
	}
	return protocol.Credential{
		Org:           m.GetOrg(),
		For:           m.GetTokenFor(),
		Token:         token.Conceal(plain),
		OrgID:         m.GetOrgId(),
		UserID:        m.GetUserId(),
		ExpiresAt:     instant(m.GetExpiresAt()),
		ExpiresSource: protocol.ExpiresSource(m.GetExpiresSource()),
	}
}

// tokenField returns the field of the Credential message for a token's member, which
// has the same name. TestMembersReachEveryForm fails if there is none.
func tokenField(member string) protoreflect.FieldDescriptor {
	return (*pb.Credential)(nil).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(member))
}

func listMessage(orgs []protocol.ListedOrg) *pb.ListResponse {
	m := &pb.ListResponse{}
	for _, o := range orgs {
		m.Orgs = append(m.Orgs, &pb.Org{
			Org:            o.Org,
			Username:       o.Username,
			LoginUrl:       o.LoginURL,
			Site:           o.Site,
			InstanceUrl:    o.InstanceURL,
			OrgId:          o.OrgID,
			UserId:         o.UserID,
			ClientId:       o.ClientID,
			GrantType:      o.GrantType,
			Rotates:        o.Rotates,
			TokenExpiresAt: timestamp(o.TokenExpiresAt),
			RefreshedAt:    timestamp(o.RefreshedAt),
			StoredAt:       timestamp(o.StoredAt),
		})
	}
	return m
}

func listed(m *pb.ListResponse) []protocol.ListedOrg {
	orgs := make([]protocol.ListedOrg, 0, len(m.GetOrgs()))
	for _, o := range m.GetOrgs() {
		orgs = append(orgs, protocol.ListedOrg{
			Org:            o.GetOrg(),
			Username:       o.GetUsername(),
			LoginURL:       o.GetLoginUrl(),
			Site:           o.GetSite(),
			InstanceURL:    o.GetInstanceUrl(),
			OrgID:          o.GetOrgId(),
			UserID:         o.GetUserId(),
			ClientID:       o.GetClientId(),
			GrantType:      o.GetGrantType(),
			Rotates:        o.Rotates,
			TokenExpiresAt: instant(o.GetTokenExpiresAt()),
			RefreshedAt:    instant(o.GetRefreshedAt()),
			StoredAt:       instant(o.GetStoredAt()),
		})
	}
	return orgs
}

// timestamp returns nil for the zero time, which is not known.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func instant(m *timestamppb.Timestamp) time.Time {
	if m == nil {
		return time.Time{}
	}
	return m.AsTime()
}
