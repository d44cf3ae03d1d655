package app

import (
	"context"
	"errors"
	"sync"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// unknownFallback is a keystore that the environment names while config.json can't be
// read. So nobody knows whether the Salesforce CLI's logins are its fallback. It says so
// if an org may be missing for that reason, and only then.
type unknownFallback struct {
	keystore.Store
	readErr error         // why config.json can't be read
	todo    remedy.Remedy // what to do about it
	warn    func(message string, todo remedy.Remedy)
	once    sync.Once
}

// Get adds a remedy to the store's error if there is no such org.
func (u *unknownFallback) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	item, err := u.Store.Get(ctx, key)
	if errors.Is(err, keystore.ErrNotFound) && key.Kind == keystore.KindGrant {
		todo := u.todo
		todo.Why = "the Salesforce CLI's logins were not searched, because " + u.readErr.Error()
		err = &keystore.Error{
			Op: "read " + key.Label(), Reason: keystore.ErrNotFound,
			Remedy: todo,
		}
	}
	return item, err
}

// List also warns, once.
func (u *unknownFallback) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	u.once.Do(func() {
		u.warn("the Salesforce CLI's logins are not searched, because "+u.readErr.Error(), u.todo)
	})
	return u.Store.List(ctx, kind)
}
