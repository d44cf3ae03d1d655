package rig

import (
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

// AssertionLimit is what Salesforce lets an assertion last.
const AssertionLimit = 3 * time.Minute

func AppKey(t *testing.T) orgtest.AppKey {
	t.Helper()
	key, err := orgtest.NewAppKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
