package keystore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// LockPlace is one place where a store locks an org's grant.
type LockPlace struct {
	Name   string // the path of a file, or what else a person can find: "the session bus"
	Holder LockHolder
}

// LockHolder is the process that holds a lock, as far as the system knows it.
type LockHolder struct {
	PID   int       // 0 if nobody holds the lock, or the system does not say who
	Since time.Time // when it took the lock; zero if that is unknown
}

// String returns "process 4711, since 2026-11-27 15:04:05", or "another process".
func (h LockHolder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	text := fmt.Sprintf("process %d", h.PID)
	if !h.Since.IsZero() {
		text += ", since " + h.Since.Local().Format(time.DateTime)
	}
	return text
}

// lockPlacer is a store that can say where its locks are.
type lockPlacer interface {
	LockPlaces(ctx context.Context, org Org) []LockPlace
}

// LockPlacesOf returns where the store locks org's grant, in the order of locking. It
// returns nothing if the store does not say.
func LockPlacesOf(ctx context.Context, s Store, org Org) []LockPlace {
	if placer, ok := s.(lockPlacer); ok {
		return placer.LockPlaces(ctx, org)
	}
	return nil
}

// HolderOf returns the first holder that is known of the places.
func HolderOf(places []LockPlace) LockHolder {
	for _, place := range places {
		if place.Holder.PID != 0 {
			return place.Holder
		}
	}
	return LockHolder{}
}

// ExplainTimeout adds to the error of a lock that was not taken in time who holds it. It
// returns another error, and one whose holder is unknown, unchanged.
func ExplainTimeout(err error, places func() []LockPlace) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if holder := HolderOf(places()); holder.PID != 0 {
		return fmt.Errorf("%v has the lock: %w", holder, err)
	}
	return err
}
