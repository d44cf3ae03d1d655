package app

import (
	"context"
	"errors"
	"sync"

	"forcecred/keystore"
	"forcecred/protocol/remedy"
)

// alone is a keystore that the environment names while config.json can't be read:
// whether the Salesforce CLI's logins are used beside it is not known. It says so
// where an org may be missing for that, and nowhere else.
type alone struct {
	keystore.Store
	unread error         // why config.json can't be read
	todo   remedy.Remedy // what to do about it
	warn   func(message string, todo remedy.Remedy)
	once   sync.Once
}

// Get is the store's. That an org is not found comes with a hint.
func (a *alone) Get(ctx context.Context, key keystore.Key) ([]byte, error) {
	item, err := a.Store.Get(ctx, key)
	if errors.Is(err, keystore.ErrNotFound) && key.Kind == keystore.KindGrant {
		todo := a.todo
		todo.Why = "the Salesforce CLI's logins were not searched, because " + a.unread.Error()
		err = &keystore.Error{
			Op: "read " + key.Label(), Reason: keystore.ErrNotFound,
			Remedy: todo,
		}
	}
	return item, err
}

// List is the store's, with a warning once.
func (a *alone) List(ctx context.Context, kind keystore.Kind) ([]keystore.Key, error) {
	a.once.Do(func() {
		a.warn("the Salesforce CLI's logins are not searched, because "+a.unread.Error(), a.todo)
	})
	return a.Store.List(ctx, kind)
}
