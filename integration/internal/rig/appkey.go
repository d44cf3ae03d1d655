package rig

import (
	"testing"
	"time"

	"forcecred/internal/orgtest"
)

// AssertionLimit is the longest lifetime of an assertion that Salesforce accepts.
const AssertionLimit = 3 * time.Minute

func AppKey(t *testing.T) orgtest.AppKey {
	t.Helper()
	key, err := orgtest.NewAppKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}
