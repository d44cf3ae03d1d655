package helper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"forcecred/internal/hints"
	"forcecred/internal/salesforce"
	"forcecred/keystore"
	"forcecred/protocol"
	"forcecred/protocol/secret"
)

// journalInMemory is a Journal in memory whose errors a test sets.
type journalInMemory struct {
	room, entry, quarantined []byte
	key                      []byte
	keys                     int
	writeErr, readErr        error
	keepKey                  bool
}

func (j *journalInMemory) NewKey(keystore.Org) ([]byte, error) {
	j.keys++
	return fmt.Appendf(nil, "test-journal-key-%d", j.keys), nil
}

func (j *journalInMemory) KeepsKey(_ keystore.Org, key []byte) bool { return j.keepKey && key != nil }

func (j *journalInMemory) NeedsKey(_ keystore.Org, key []byte) bool {
	return key != nil && (j.entry != nil || j.quarantined != nil)
}

func (j *journalInMemory) Reserve(keystore.Org, []byte) error {
	j.room = make([]byte, 1)
	return nil
}

func (j *journalInMemory) Open(_ keystore.Org, key []byte) (io.WriteCloser, error) {
	if j.room == nil {
		return nil, errors.New("no room was made")
	}
	return spaceInMemory{j, key}, nil
}

type spaceInMemory struct {
	*journalInMemory
	key []byte
}

func (s spaceInMemory) Write(entry []byte) (int, error) {
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	s.journalInMemory.key, s.entry = s.key, entry
	return len(entry), nil
}

func (spaceInMemory) Close() error { return nil }

func (j *journalInMemory) Read(_ keystore.Org, key []byte) ([]byte, error) {
	switch {
	case j.readErr != nil:
		return nil, j.readErr
	case j.entry != nil && !bytes.Equal(key, j.key):
		return nil, &keystore.Error{Op: "open", Reason: keystore.ErrCorrupt}
	}
	return j.entry, nil
}

func (j *journalInMemory) Quarantine(keystore.Org, []byte) (string, error) {
	j.quarantined, j.entry = j.entry, nil
	return "aside", nil
}

func (j *journalInMemory) Delete(keystore.Org, []byte) error {
	j.room, j.entry = nil, nil
	return nil
}

// wantClean checks that the transaction left no journal entry, no key and no held signal.
func (f *fixture) wantClean(t *testing.T) {
	t.Helper()
	if f.journal.room != nil || f.journal.entry != nil || !f.isAbsent(t.Context(), journalKey("prod")) {
		t.Error("the journal was not cleaned up")
	}
	if f.isHoldingSignals {
		t.Error("signals are still held")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	lock, err := f.store.Lock(ctx, "prod")
	if err != nil {
		t.Fatal("the lock is still held")
	}
	_ = lock.Release()
}

func (f *fixture) rotates(t *testing.T, known bool) {
	t.Helper()
	g := f.grantOf(t, "prod")
	g.Rotates = &known
	f.storeGrant(t, g)
}

// TestRetryRule is the table of docs/decisions/0001, row by row.
func TestRetryRule(t *testing.T) {
	t.Parallel()
	on, off := true, false
	for _, tt := range []struct {
		reason  salesforce.Reason
		rotates *bool
		posts   int // of at most maxTries
	}{
		{salesforce.Unreachable, nil, 4}, {salesforce.Unreachable, &on, 4}, {salesforce.Unreachable, &off, 4},
		{salesforce.Busy, nil, 4}, {salesforce.Busy, &on, 4}, {salesforce.Busy, &off, 4},
		{salesforce.Throttled, nil, 1}, {salesforce.Throttled, &on, 1}, {salesforce.Throttled, &off, 1}, // TestThrottledRetries has more
		{salesforce.Lost, nil, 1}, {salesforce.Lost, &on, 1}, {salesforce.Lost, &off, 1},
		{salesforce.ServerFault, nil, 1}, {salesforce.ServerFault, &on, 1}, {salesforce.ServerFault, &off, 1},
		{salesforce.Garbled, nil, 1}, {salesforce.Garbled, &on, 1}, {salesforce.Garbled, &off, 1},
		{salesforce.Blocked, nil, 1}, {salesforce.Untrusted, nil, 1}, {salesforce.GrantDead, nil, 1}, {salesforce.Refused, nil, 1},
	} {
		known := "unknown"
		if tt.rotates != nil {
			known = fmt.Sprint(*tt.rotates)
		}
		t.Run(fmt.Sprintf("%s, rotates %s", tt.reason, known), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if tt.rotates != nil {
				f.rotates(t, *tt.rotates)
			}
			f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
				return salesforce.Answer{}, &salesforce.Error{Reason: tt.reason}
			}
			if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err == nil {
				t.Error("it succeeded")
			}
			if f.posts != tt.posts {
				t.Errorf("%d posts, want %d", f.posts, tt.posts)
			}
			for i, backoff := range f.waits {
				if least := firstBackoff << i / 2; backoff < least || backoff >= 3*least {
					t.Errorf("pause %d is %v", i, backoff)
				}
			}
			f.wantClean(t)
		})
	}
}

func TestRetrySucceeds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		if f.posts < 4 {
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Busy}
		}
		return rotated(f.posts), nil
	}
	c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	if err != nil || tokenOf(c) != "test-access-token-4" || f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-4" {
		t.Error(err)
	}
	f.wantClean(t)
}

func TestRetryAfterIsObeyedWithinTheTimeout(t *testing.T) {
	t.Parallel()
	for wait, posts := range map[time.Duration]int{4 * time.Second: 4, 10 * time.Second: 2, 20 * time.Second: 1, time.Minute: 1} {
		f := newFixture(t)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
			return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.Throttled, RetryAfter: wait}
		}
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.TemporarilyUnavailable || f.posts != posts {
			t.Errorf("%v: %d posts, want %d (%v)", wait, f.posts, posts, err)
		}
		if f.now.Sub(start)+salesforce.ExchangeTimeout > refreshTimeout {
			t.Errorf("%v: it took %v", wait, f.now.Sub(start))
		}
	}
}

// TestReplacedGrantIsAdopted: a program that does not use forcecred's lock refreshes.
func TestReplacedGrantIsAdopted(t *testing.T) {
	t.Parallel()
	for _, reason := range []salesforce.Reason{salesforce.GrantDead, salesforce.Busy} {
		f := newFixture(t)
		f.refresh = func(g salesforce.RefreshGrant) (salesforce.Answer, error) {
			if g.RefreshToken.Reveal() == "test-refresh-token-theirs" {
				return rotated(f.posts), nil
			}
			theirs := f.grantOf(t, "prod")
			theirs.RefreshToken = secret.New("test-refresh-token-theirs")
			f.storeGrant(t, theirs)
			return salesforce.Answer{}, &salesforce.Error{Reason: reason}
		}
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
		if err != nil || tokenOf(c) != "test-access-token-2" || f.posts != 2 {
			t.Errorf("%s: %v after %d posts", reason, err, f.posts)
		}
		f.wantClean(t)
	}
}

func TestAdoptionIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		theirs := f.grantOf(t, "prod")
		theirs.RefreshToken = secret.New(fmt.Sprintf("test-refresh-token-theirs-%d", f.posts))
		f.storeGrant(t, theirs)
		return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.GrantDead}
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.TemporarilyUnavailable || f.posts != maxAdoptions {
		t.Errorf("%v after %d posts", err, f.posts)
	}
}

// failing makes each operation of that name on that kind fail from its nth on,
// for count times (-1: always).
func (f *fixture) failing(op string, kind keystore.Kind, from, count int) {
	n := 0
	f.store.Fault = func(o string, key keystore.Key) error {
		if o != op || key.Kind != kind {
			return nil
		}
		n++
		if n >= from && (count < 0 || n < from+count) {
			return &keystore.Error{Op: op + " " + key.String(), Reason: keystore.ErrUnavailable, Err: errors.New("no space left on device")}
		}
		return nil
	}
}

func TestNothingIsSentIfTheKeystoreRefusesWrites(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		setup func(*fixture)
	}{
		{"set fails", func(f *fixture) { f.failing("set", keystore.KindJournal, 1, -1) }},
		{"set fails, and the org did not rotate", func(f *fixture) {
			f.rotates(t, false)
			f.failing("set", keystore.KindJournal, 1, -1)
		}},
	} {
		f := newFixture(t)
		tt.setup(f)
		_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
		if codeOf(err) != protocol.KeystoreUnavailable || !strings.Contains(err.Error(), "no refresh token was sent") || f.posts != 0 {
			t.Errorf("%s: %v after %d posts", tt.name, err, f.posts)
		}
		f.store.Fault = nil
		f.wantClean(t)
	}
}

// TestRotationThatBeginsLater: the last refresh showed no rotation. Then the org rotates,
// and the keystore takes no grant any more.
func TestRotationThatBeginsLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sleep = func(context.Context, time.Duration) error { return nil }
	f.rotates(t, false)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.failing("set", keystore.KindGrant, 1, -1)
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	f.store.Fault = nil
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
		t.Fatal(err)
	}
	if token := f.grantOf(t, "prod").RefreshToken.Reveal(); token != "test-refresh-token-2" || f.posts != 2 {
		t.Errorf("the keystore has %s after %d posts", token, f.posts)
	}
	f.wantClean(t)
}

// TestSaveIsRetried: while the journal does not accept the new refresh token, the keystore gets
// more than one try.
func TestSaveIsRetried(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.failing("set", keystore.KindGrant, 1, len(saveBackoffs))
	f.journal.writeErr = errors.New("input/output error")
	f.isHoldingSignals = false
	f.sleep = func(_ context.Context, d time.Duration) error { return nil } // until the token is saved, signals are held
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || len(f.warnings) != 0 {
		t.Errorf("%v, warnings %q", err, f.warnings)
	}
	if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-1" {
		t.Error("the refresh token is lost")
	}
	f.wantClean(t)
}

// journaled returns a fixture with a journal entry: its org rotated while the keystore
// accepted no write.
func journaled(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.sleep = func(context.Context, time.Duration) error { return nil }
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.failing("set", keystore.KindGrant, 1, -1)
	if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-1" {
		t.Fatal(err)
	}
	f.store.Fault = nil
	if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "stored in the journal") {
		t.Errorf("warnings %q", f.warnings)
	}
	if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-0" || f.journal.entry == nil {
		t.Fatal("the refresh token was not sealed")
	}
	f.warnings = nil
	return f
}

func TestJournalEntryIsRecovered(t *testing.T) {
	t.Parallel()
	f := journaled(t)
	var sent string
	f.refresh = func(g salesforce.RefreshGrant) (salesforce.Answer, error) {
		sent = g.RefreshToken.Reveal()
		return rotated(f.posts), nil
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil || sent != "test-refresh-token-1" || len(f.warnings) != 0 {
		t.Errorf("%v, sent %s, warnings %q", err, sent, f.warnings)
	}
	f.wantClean(t)
}

func TestOldJournalEntryIsDeleted(t *testing.T) {
	t.Parallel()
	f := journaled(t)
	again := f.grantOf(t, "prod")
	again.RefreshToken = secret.New("test-refresh-token-new-login")
	f.storeGrant(t, again)
	var sent string
	f.refresh = func(g salesforce.RefreshGrant) (salesforce.Answer, error) {
		sent = g.RefreshToken.Reveal()
		return answer(f.posts), nil
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil || sent != "test-refresh-token-new-login" {
		t.Errorf("%v, sent %s", err, sent)
	}
	f.wantClean(t)
}

func TestDamagedJournalEntryIsQuarantined(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*testing.T, *fixture){
		"the key is gone": func(t *testing.T, f *fixture) {
			if err := f.store.Delete(t.Context(), journalKey("prod")); err != nil {
				t.Fatal(err)
			}
		},
		"another key":  func(t *testing.T, f *fixture) { f.put(t, journalKey("prod"), make([]byte, 32)) },
		"no version":   func(_ *testing.T, f *fixture) { f.journal.entry = []byte(`{}`) },
		"not an entry": func(_ *testing.T, f *fixture) { f.journal.entry = []byte(`x`) },
	} {
		f := journaled(t)
		spoil(t, f)
		before, _ := f.store.Get(t.Context(), journalKey("prod"))
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return answer(f.posts), nil }
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
			t.Errorf("%s: the grant in the store is not used: %v", name, err)
		}
		if f.journal.quarantined == nil || len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "its file is now ") {
			t.Errorf("%s: no warning: %q", name, f.warnings)
		}
		if key, err := f.store.Get(t.Context(), journalKey("prod")); err != nil || name != "the key is gone" && !bytes.Equal(key, before) {
			t.Errorf("%s: the key of the quarantined file is not kept: %v", name, err)
		}
		if f.journal.room != nil || f.journal.entry != nil {
			t.Errorf("%s: the journal was not cleaned up", name)
		}
	}
}

func TestJournalEntryStaysUntilItIsSaved(t *testing.T) {
	t.Parallel()
	f := journaled(t)
	f.failing("set", keystore.KindGrant, 1, -1)
	posts := f.posts
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); codeOf(err) != protocol.KeystoreUnavailable || f.posts != posts {
		t.Errorf("got %v after %d posts", err, f.posts-posts)
	}
	if f.journal.entry == nil {
		t.Error("the entry was dropped before it was saved")
	}
}

// TestRefusedEraseKeepsTheJournal: the store does not delete the grant, so the org still
// needs the refresh token that only the journal has.
func TestRefusedEraseKeepsTheJournal(t *testing.T) {
	for _, kind := range []keystore.Kind{keystore.KindToken, keystore.KindDataCloud, keystore.KindGrant} {
		f := journaled(t)
		f.store.Fault = func(op string, key keystore.Key) error {
			if op == "delete" && key.Kind == kind {
				return &keystore.Error{Reason: keystore.ErrForeign}
			}
			return nil
		}
		if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err == nil {
			t.Errorf("%s: the refused erase succeeded", kind)
		}
		f.store.Fault = nil
		var sent string
		f.refresh = func(g salesforce.RefreshGrant) (salesforce.Answer, error) {
			sent = g.RefreshToken.Reveal()
			return rotated(f.posts), nil
		}
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil || sent != "test-refresh-token-1" {
			t.Errorf("%s: the login is lost: %v, sent %s", kind, err, sent)
		}
	}
}

// TestUnreadableJournalStopsTheRefresh: the journal may have the only valid refresh token.
func TestUnreadableJournalStopsTheRefresh(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*fixture){
		"too many open files": func(f *fixture) { f.journal.readErr = errors.New("too many open files") },
		"a newer version":     func(f *fixture) { f.journal.entry = []byte(`{"version":2}`) },
	} {
		f := journaled(t)
		spoil(f)
		posts := f.posts
		if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); codeOf(err) != protocol.KeystoreUnavailable || f.posts != posts {
			t.Errorf("%s: %v after %d posts", name, err, f.posts-posts)
		}
		if f.journal.entry == nil || f.journal.quarantined != nil {
			t.Errorf("%s: the entry is gone", name)
		}
	}
}

// TestFailedJournalWriteKeepsTheKey: the entry may be complete in spite of the error.
func TestFailedJournalWriteKeepsTheKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sleep = func(context.Context, time.Duration) error { return nil }
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.failing("set", keystore.KindGrant, 1, -1)
	f.journal.writeErr = errors.New("input/output error")
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); codeOf(err) != protocol.KeystoreUnavailable {
		t.Errorf("got %v", err)
	}
	if f.journal.room == nil || f.isAbsent(t.Context(), journalKey("prod")) {
		t.Error("the journal or its key was removed")
	}
}

// TestRefreshTokenOfLostAnswerIsSaved: an org that did not rotate begins to rotate.
func TestRefreshTokenOfLostAnswerIsSaved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.rotates(t, false)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		return salesforce.Answer{RefreshToken: secret.New("test-refresh-token-next")}, &salesforce.Error{Reason: salesforce.Lost}
	}
	if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err == nil || f.posts != 1 {
		t.Errorf("%v after %d posts", err, f.posts)
	}
	if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-next" {
		t.Error("the new refresh token is lost")
	}
}

func TestLostLoginIsReported(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sleep = func(context.Context, time.Duration) error { return nil }
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.failing("set", keystore.KindGrant, 1, -1)
	f.journal.writeErr = errors.New("no space left on device")
	_, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
	e := (*protocol.Error)(nil)
	if !errors.As(err, &e) || e.Code != protocol.KeystoreUnavailable || !strings.Contains(hints.Of(e), "the login is lost") {
		t.Errorf("got %v", err)
	}
}

// TestRefusedVerifyKeepsTheOldGrant: the old grant's journal entry is recovered as well.
func TestRefusedVerifyKeepsTheOldGrant(t *testing.T) {
	t.Parallel()
	f := journaled(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		return salesforce.Answer{}, &salesforce.Error{Reason: salesforce.GrantDead}
	}
	again := request
	again.Org = "prod"
	if err := f.Store(t.Context(), again, true); codeOf(err) != protocol.SignInAgain {
		t.Errorf("got %v", err)
	}
	if f.grantOf(t, "prod").RefreshToken.Reveal() != "test-refresh-token-1" {
		t.Error("the old login is lost")
	}
	f.wantClean(t)
}

// TestVerifyFailsIfTheGrantIsNotStored: Store fails even if the grant does not rotate.
func TestVerifyFailsIfTheGrantIsNotStored(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sleep = func(context.Context, time.Duration) error { return nil }
	f.failing("set", keystore.KindGrant, 1, -1)
	if err := f.Store(t.Context(), request, true); codeOf(err) != protocol.KeystoreUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestInterruptedEraseCanBeRepeated(t *testing.T) {
	t.Parallel()
	for _, kind := range []keystore.Kind{keystore.KindToken, keystore.KindJournal, keystore.KindGrant} {
		f := journaled(t)
		f.failing("delete", kind, 1, 1)
		if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); codeOf(err) != protocol.KeystoreUnavailable {
			t.Errorf("%s: %v", kind, err)
		}
		if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil || f.store.Len() != 0 || f.journal.entry != nil {
			t.Errorf("%s: %v, %d items are left", kind, err, f.store.Len())
		}
	}
}

func TestEraseDeletesTheJournalEntry(t *testing.T) {
	t.Parallel()
	f := journaled(t)
	if err := f.Erase(t.Context(), protocol.EraseRequest{Org: "prod"}); err != nil {
		t.Fatal(err)
	}
	f.wantClean(t)
	if left := f.store.Len(); left != 0 {
		t.Errorf("%d items are left", left)
	}
}

// TestSlowStore: a slow store does not cause a second refresh.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
	f.store.Fault = func(string, keystore.Key) error {
		time.Sleep(20 * time.Millisecond)
		return nil
	}
	var two sync.WaitGroup
	for range 2 {
		two.Go(func() {
			if c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"}); err != nil || tokenOf(c) != "test-access-token-1" {
				t.Error(err)
			}
		})
	}
	two.Wait()
	if f.posts != 1 {
		t.Errorf("%d posts", f.posts)
	}
}

func TestCrowdInOneProcess(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) {
		time.Sleep(20 * time.Millisecond)
		return rotated(f.posts), nil
	}
	var crowd sync.WaitGroup
	answers := make([]string, 100)
	for i := range answers {
		crowd.Go(func() {
			c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
			if err != nil {
				t.Error(err)
			}
			answers[i] = tokenOf(c)
		})
	}
	crowd.Wait()
	if f.posts != 1 || slices.ContainsFunc(answers, func(a string) bool { return a != "test-access-token-1" }) {
		t.Errorf("%d posts", f.posts)
	}
	f.wantClean(t)
}

// endingContext is a context whose deadline passes when a test sets over.
type endingContext struct {
	context.Context
	over bool
}

func (p *endingContext) Err() error {
	if p.over {
		return context.DeadlineExceeded
	}
	return p.Context.Err()
}

func TestLockTimeout(t *testing.T) {
	t.Parallel()
	for name, brought := range map[string]bool{"nothing came": false, "a token came": true} {
		f := newFixture(t)
		endingContext := &endingContext{Context: t.Context()}
		f.store.Fault = func(op string, _ keystore.Key) error {
			if op != "lock" {
				return nil
			}
			if brought {
				token := newToken("prod", answer(7), start)
				token.ExpiresAt = start.Add(time.Hour)
				if err := keystore.SaveToken(t.Context(), f.store, token); err != nil {
					t.Error(err)
				}
			}
			endingContext.over = true // as for Bazel
			return fmt.Errorf("lock: %w", context.DeadlineExceeded)
		}
		c, err := f.Get(endingContext, protocol.GetRequest{Org: "prod"})
		switch {
		case brought && (err != nil || tokenOf(c) != "test-access-token-7"):
			t.Errorf("%s: %v", name, err)
		case !brought && codeOf(err) != protocol.TemporarilyUnavailable:
			t.Errorf("%s: %v", name, err)
		}
		if f.posts != 0 {
			t.Errorf("%s: refreshed without the lock", name)
		}
	}
}

// TestJournalFirst: a keyring may hang. When the first write of the new refresh token to it
// begins, the token is in the journal. When the keyring has it, the entry goes.
func TestJournalFirst(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"the keyring accepts it": false, "the keyring fails": true} {
		f := newFixture(t)
		f.refresh = func(salesforce.RefreshGrant) (salesforce.Answer, error) { return rotated(f.posts), nil }
		writes := 0
		f.store.Fault = func(op string, key keystore.Key) error {
			if op != "set" || key.Kind != keystore.KindGrant {
				return nil
			}
			if writes++; f.journal.entry == nil {
				t.Errorf("%s: the keyring is written first", name)
			}
			if fails {
				return &keystore.Error{Reason: keystore.ErrUnavailable, Err: errors.New("the keyring did not answer")}
			}
			return nil
		}
		c, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod"})
		if err != nil || tokenOf(c) != "test-access-token-1" || writes != 1 {
			t.Errorf("%s: %v after %d writes", name, err, writes)
		}
		f.store.Fault = nil
		if fails {
			if len(f.warnings) != 1 || !strings.Contains(f.warnings[0], "it is stored in the journal") || f.journal.entry == nil {
				t.Errorf("%s: warnings %q", name, f.warnings)
			}
			if _, err := f.Get(t.Context(), protocol.GetRequest{Org: "prod", Force: true}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		f.wantClean(t)
		if want := fmt.Sprintf("test-refresh-token-%d", f.posts); f.grantOf(t, "prod").RefreshToken.Reveal() != want {
			t.Errorf("%s: the keyring does not have %s", name, want)
		}
	}
}
