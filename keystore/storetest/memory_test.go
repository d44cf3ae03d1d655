package storetest

import (
	"testing"

	"forcecred/keystore"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) (first, second keystore.Store) {
		m := NewMemory()
		return m, m
	})
}
