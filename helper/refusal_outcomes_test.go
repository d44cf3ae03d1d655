package helper

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"forcecred/internal/hints"
	"forcecred/internal/orgtest"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
)

// outcomes has the expected result of each of the stand-in org's answers, by its name: the
// code, whether to retry, and a part of the hint.
var outcomes = map[string]struct {
	code      protocol.Code
	retryable bool
	hint      string
}{
	"expired-token":          {protocol.SignInAgain, false, "`forcecred store prod`"},
	"error-200":              {protocol.SignInAgain, false, "`forcecred store prod`"},
	"token-validity-expired": {protocol.SignInAgain, false, "`forcecred store prod`"},
	"authentication-failure": {protocol.SignInAgain, false, "Login History"},
	"user-credentials":       {protocol.SignInAgain, false, "`forcecred store prod`"},
	"invalid-token":          {protocol.SignInAgain, false, "`forcecred store prod`"},

	"busy":                    {protocol.TemporarilyUnavailable, true, "try again"},
	"busy-old-text":           {protocol.TemporarilyUnavailable, true, "try again"},
	"login-rate":              {protocol.TemporarilyUnavailable, true, "try again"},
	"rate-limit":              {protocol.TemporarilyUnavailable, true, "try again"},
	"slow-down":               {protocol.TemporarilyUnavailable, true, "try again"},
	"authorization-pending":   {protocol.TemporarilyUnavailable, true, "approve"},
	"server-error":            {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"temporarily-unavailable": {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"retry-your-request":      {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"request-limit":           {protocol.TemporarilyUnavailable, true, "API Usage"},
	"unknown-exception":       {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"status-429":              {protocol.TemporarilyUnavailable, true, "try again"},
	"status-429-retry-after":  {protocol.TemporarilyUnavailable, true, "try again"},
	"status-500":              {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"status-503-retry-after":  {protocol.TemporarilyUnavailable, true, "try again"},
	"html-503":                {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"empty-503":               {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},
	"html-200":                {protocol.TemporarilyUnavailable, true, "proxy"},
	"empty-200":               {protocol.TemporarilyUnavailable, true, "proxy"},
	"array-200":               {protocol.TemporarilyUnavailable, true, "proxy"},
	"string-200":              {protocol.TemporarilyUnavailable, true, "proxy"},
	"null-200":                {protocol.TemporarilyUnavailable, true, "proxy"},

	"inactive-user":              {protocol.Refused, false, "admin"},
	"inactive-org":               {protocol.Refused, false, "admin"},
	"inactive-user-code":         {protocol.Refused, false, "admin"},
	"inactive-org-code":          {protocol.Refused, false, "admin"},
	"ip-restricted":              {protocol.Refused, false, "VPN"},
	"ip-restricted-upper-case":   {protocol.Refused, false, "VPN"},
	"not-approved":               {protocol.Refused, false, "admin"},
	"not-admin-approved":         {protocol.Refused, false, "admin"},
	"access-denied":              {protocol.Refused, false, "admin"},
	"app-not-installed":          {protocol.Refused, false, "admin"},
	"no-valid-scopes":            {protocol.Refused, false, "scopes"},
	"invalid-scope":              {protocol.Refused, false, "scopes"},
	"invalid-client":             {protocol.Refused, false, "consumer secret"},
	"invalid-client-401":         {protocol.Refused, false, "consumer secret"},
	"invalid-client-credentials": {protocol.Refused, false, "consumer secret"},
	"invalid-client-identifier":  {protocol.Refused, false, "sandboxes"},
	"invalid-client-id":          {protocol.Refused, false, "My Domain"},
	"app-not-found":              {protocol.Refused, false, "My Domain"},
	"wrong-domain":               {protocol.Refused, false, "login_url"},
	"unsupported-grant-type":     {protocol.Refused, false, "refresh token flow"},
	"unauthorized-client":        {protocol.Refused, false, "refresh token flow"},
	"invalid-request":            {protocol.Refused, false, "login_url"},
	"audience-failed":            {protocol.Refused, false, "login_url"},
	"audience-invalid":           {protocol.Refused, false, "login_url"},
	"assertion-invalid":          {protocol.Refused, false, "login_url"},
	"no-run-as-user":             {protocol.Refused, false, "login_url"},
	"device-flow-off":            {protocol.Refused, false, "login_url"},
	"redirect-uri-mismatch":      {protocol.Refused, false, "login_url"},
	"unsupported-response-type":  {protocol.Refused, false, "login_url"},
	"unsupported-token-type":     {protocol.Refused, false, "login_url"},
	"html-404":                   {protocol.Refused, false, "site"},
	"html-407":                   {protocol.Refused, false, "HTTPS_PROXY"},
	"redirect":                   {protocol.Refused, false, "My Domain"},
	"redirect-301":               {protocol.Refused, false, "My Domain"},
	"redirect-302":               {protocol.Refused, false, "My Domain"},
	"redirect-308":               {protocol.Refused, false, "My Domain"},

	"wrong-signature":      {protocol.Refused, false, "client_secret"},
	"http-instance-url":    {protocol.Refused, false, "allow_host"},
	"no-instance-url":      {protocol.Refused, false, "allow_host"},
	"foreign-instance-url": {protocol.Refused, false, "allow_host"},
	"no-access-token":      {protocol.TemporarilyUnavailable, true, "changes answers"},
	"control-characters":   {protocol.TemporarilyUnavailable, true, "changes answers"},
	"mac-token-type":       {protocol.TemporarilyUnavailable, true, "changes answers"},
	"number-issued-at":     {protocol.Refused, false, "client_secret"}, // since it is signed

	"deep":                   {protocol.TemporarilyUnavailable, true, "proxy"},
	"length-too-short":       {protocol.TemporarilyUnavailable, true, "proxy"},
	"duplicate-access-token": {protocol.TemporarilyUnavailable, true, "proxy"},
	"invalid-utf8":           {protocol.TemporarilyUnavailable, true, "proxy"},
	"trailing-garbage":       {protocol.TemporarilyUnavailable, true, "proxy"},

	"oversize":               {protocol.TemporarilyUnavailable, true, "try again"},
	"endless":                {protocol.TemporarilyUnavailable, true, "try again"},
	"gzip-bomb":              {protocol.TemporarilyUnavailable, true, "try again"},
	"endless-headers":        {protocol.TemporarilyUnavailable, true, "try again"},
	"early-hints-flood":      {protocol.TemporarilyUnavailable, true, "try again"},
	"continue-flood":         {protocol.TemporarilyUnavailable, true, "try again"},
	"length-too-long":        {protocol.TemporarilyUnavailable, true, "try again"},
	"chunked-garbage":        {protocol.TemporarilyUnavailable, true, "try again"},
	"reset":                  {protocol.TemporarilyUnavailable, true, "try again"},
	"reset-after-commit":     {protocol.TemporarilyUnavailable, true, "try again"},
	"truncated":              {protocol.TemporarilyUnavailable, true, "try again"},
	"truncated-after-commit": {protocol.TemporarilyUnavailable, true, "try again"},
	"503-after-commit":       {protocol.TemporarilyUnavailable, true, "status.salesforce.com"},

	"echo":      {protocol.SignInAgain, false, "`forcecred store prod`"},
	"echo-form": {protocol.SignInAgain, false, "`forcecred store prod`"},
	"echo-html": {protocol.SignInAgain, false, "`forcecred store prod`"},
	"echo-json": {protocol.SignInAgain, false, "`forcecred store prod`"},
	"echo-cut":  {protocol.SignInAgain, false, "`forcecred store prod`"},
	"echo-page": {protocol.Refused, false, "network"},
}

// TestAnswerOutcomes lets the org send each of its answers to the real client, first without
// and then with rotation. None is cached, none shows a secret in any form, and each new
// refresh token is saved.
func TestAnswerOutcomes(t *testing.T) {
	t.Parallel()
	// Left out: answers that cause no error, or only after a long timeout, and answers that
	// are not HTTP, in which the new refresh token cannot be found.
	others := []string{"hang", "hang-after-commit", "slow", "no-signature", "expires-in", "unknown-fields", "scope-list", "objects", "status-201", "byte-order-mark", "huge-refresh-token",
		"set-cookie", "trailers", "early-hints", "two-lengths", "two-answers", "body-alone", "body-as-header", "not-gzip", "duplicate-refresh-token"}
	named := slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(outcomes)), others...)))
	if !slices.Equal(named, orgtest.FaultNames()) {
		t.Errorf("the org knows %q, the table %q", orgtest.FaultNames(), named)
	}
	for name, want := range outcomes {
		fault, _ := orgtest.FaultNamed(name)
		for _, rotate := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f, org, _ := newOnline(t, orgtest.Config{ClientSecret: "test-client-secret-0001", Rotate: rotate, HTTP1: true})
				f.rotates(t, true) // so that a lost answer is not retried
				before := org.RefreshToken()
				org.FailNext(orgtest.Always, fault)
				_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
				e := (*protocol.Error)(nil)
				if !errors.As(err, &e) || e.Code != want.code || e.Retryable != want.retryable || !strings.Contains(hints.Of(e), want.hint) {
					t.Fatalf("got %v, %+v; want %s, retryable %v, %q", err, e, want.code, want.retryable, want.hint)
				}
				var shown bytes.Buffer
				if err := errors.Join(e.WriteText(&shown), e.WriteJSON(&shown, nil)); err != nil {
					t.Fatal(err)
				}
				for _, s := range org.Secrets() {
					// Half a secret is as bad. The part before the first dot is not secret.
					if half := strings.TrimPrefix(s, "5Aep861.")[:12]; strings.Contains(shown.String(), half) {
						t.Error("a secret is shown")
					}
				}
				if strings.Contains(shown.String(), "html") || strings.Contains(shown.String(), "evil") {
					t.Error("the body is shown")
				}
				if isRefusal := e.Salesforce != nil && e.Salesforce.Error != ""; isRefusal && e.Salesforce.Description == "" && fault.Error.Description != "" {
					t.Error("Salesforce's words are not shown")
				}
				if !f.isAbsent(t.Context(), keystore.Key{Kind: keystore.KindToken, Org: "prod"}) {
					t.Error("a token was cached")
				}
				whole := !strings.Contains(name, "commit")
				if got := f.grantOf(t, "prod").RefreshToken.Reveal(); whole && got != org.RefreshToken() {
					t.Errorf("the grant is lost: the org has rotated: %v", before != org.RefreshToken())
				}
			})
		}
	}
}

// TestEachReasonHasACode: no reason has the zero code.
func TestEachReasonHasACode(t *testing.T) {
	t.Parallel()
	for _, reason := range []salesforce.Reason{
		salesforce.Unreachable, salesforce.Blocked, salesforce.Untrusted, salesforce.Lost, salesforce.Garbled, salesforce.Busy,
		salesforce.Throttled, salesforce.ServerFault, salesforce.GrantDead, salesforce.Refused,
	} {
		if codeOfReason[reason].code == "" {
			t.Errorf("%s has no code", reason)
		}
	}
}
