package door

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"go.etcd.io/bbolt"

	"offboard/internal/door/scim"
)

// scimHandler serves /scim/v2/.
func (d *Door) scimHandler(config SCIM) http.Handler {
	return scim.New(scim.Config{
		Store:  scimUsers{d.store},
		Now:    d.now,
		Apply:  func(ctx context.Context, c scim.Change) error { return d.scimChange(ctx, config, c) },
		Allow:  func(r *http.Request) error { return d.scimAllow(r, config) },
		Failed: func(ctx context.Context, err error) { lineOf(ctx).err = err },
	})
}

// scimAllow lets a request in that holds one of the tokens, at the rate of one sender.
func (d *Door) scimAllow(r *http.Request, config SCIM) error {
	l := lineOf(r.Context())
	l.source = scimSource
	err := holds(r, config.Tokens)
	if err == nil {
		err = d.admit(scimSource)
	}
	if no, yes := errors.AsType[*rejected](err); yes {
		l.err = no
		return &scim.Rejected{Status: no.status, Why: no.text, After: no.after, Header: no.header}
	}
	return scimLater(err)
}

// scimChange makes an event of a change of a user. Suspended, unassigned and leaving are one message, so a deactivation
// is planned and waits, with the end of the grace as the last day; what was planned for nothing else is called off when
// the user is active again. Only a deletion says that somebody is gone.
func (d *Door) scimChange(ctx context.Context, config SCIM, c scim.Change) error {
	// SCIM says nothing of when something happened: what comes later is newer.
	e := Event{ID: c.ID, Source: scimSource, User: c.Person, Reason: scimReason(c)}
	switch c.Kind {
	case scim.Deactivated:
		e.Kind, e.Soft = Requested, true
		if config.Grace > 0 {
			e.LastDay = c.Since.Add(config.Grace)
		}
	case scim.Activated:
		e.Kind, e.Soft = Cancelled, true
	case scim.Deleted:
		e.Kind = Requested
	default:
		return fmt.Errorf("a change of the kind %q means nothing", c.Kind)
	}
	l := lineOf(ctx)
	l.events, l.user, l.kind = append(l.events, e.ID), e.User, string(e.Kind)
	o, err := d.Apply(ctx, e)
	l.outcome, l.run, l.duplicate, l.err = o.Result, o.Run, o.Duplicate, err
	if refused, yes := errors.AsType[*Refused](err); yes {
		l.outcome, l.run = Declined, refused.Run
		return &scim.Refused{Problems: []string{refused.Message}, Conflict: true}
	}
	if invalid, yes := errors.AsType[*Invalid](err); yes {
		return &scim.Refused{Problems: invalid.Problems}
	}
	return scimLater(err)
}

// scimReason says for people where an event came from.
func scimReason(c scim.Change) string {
	reason := fmt.Sprintf("The identity system %s the user %s", c.Kind, c.UserID)
	if id := c.ExternalID; id != "" && len(id) <= 64 { // a UUID or the like; anything longer helps nobody
		reason += fmt.Sprintf(" (its own ID: %s)", id)
	}
	return reason + "."
}

// scimLater says an *Away in the words of package scim; other errors stay what they are.
func scimLater(err error) error {
	if away, yes := errors.AsType[*Away](err); yes {
		return &scim.Later{After: away.After, Why: away.Why, Cause: err}
	}
	return err
}

// scimUsers keeps SCIM's users in the door's store. It implements scim.Store.
type scimUsers struct{ store *Store }

// The buckets inside usersBucket. Index keys are hashes: a name may be longer than a key.
var (
	scimByID       = []byte("id")         // ID -> scim.User
	scimByName     = []byte("userName")   // hash of the lower-case userName -> ID
	scimByExternal = []byte("externalId") // hash of the externalId, ID -> nothing
)

func scimNameKey(name string) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(name)))
	return sum[:]
}

func scimExternalKey(externalID, id string) []byte {
	sum := sha256.Sum256([]byte(externalID))
	return append(sum[:], id...)
}

// User implements scim.Store.
func (s scimUsers) User(_ context.Context, id string) (u scim.User, err error) {
	found := false
	err = s.store.readUsers(func(users *bbolt.Bucket) error {
		b := users.Bucket(scimByID)
		if b == nil {
			return nil
		}
		u, found, err = get[scim.User](b, []byte(id))
		return err
	})
	if err == nil && !found {
		err = scim.ErrNoUser
	}
	return u, scimLater(err)
}

// Lookup implements scim.Store.
func (s scimUsers) Lookup(_ context.Context, by scim.Index, value string) (list []scim.User, err error) {
	err = s.store.readUsers(func(users *bbolt.Bucket) error {
		b := users.Bucket(scimByID)
		if b == nil {
			return nil
		}
		for _, id := range scimIDs(users, by, value) {
			u, found, err := get[scim.User](b, id)
			if err != nil {
				return err
			}
			if found {
				list = append(list, u)
			}
		}
		return nil
	})
	return list, scimLater(err)
}

// scimIDs are the IDs an index has for a value.
func scimIDs(users *bbolt.Bucket, by scim.Index, value string) (ids [][]byte) {
	if by == scim.ByName {
		if id := users.Bucket(scimByName).Get(scimNameKey(value)); id != nil {
			ids = append(ids, id)
		}
		return ids
	}
	prefix := scimExternalKey(value, "")
	c := users.Bucket(scimByExternal).Cursor()
	for key, _ := c.Seek(prefix); key != nil && strings.HasPrefix(string(key), string(prefix)); key, _ = c.Next() {
		ids = append(ids, key[len(prefix):])
	}
	return ids
}

// Users implements scim.Store: all of them as they were at one moment.
func (s scimUsers) Users(ctx context.Context) iter.Seq2[scim.User, error] {
	return func(yield func(scim.User, error) bool) {
		stopped := false
		err := s.store.readUsers(func(users *bbolt.Bucket) error {
			b := users.Bucket(scimByID)
			if b == nil {
				return nil
			}
			c := b.Cursor()
			for id, _ := c.First(); id != nil && !stopped; id, _ = c.Next() {
				u, _, err := get[scim.User](b, id)
				if err != nil {
					return err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				stopped = !yield(u, nil)
			}
			return nil
		})
		if err != nil && !stopped {
			yield(scim.User{}, scimLater(err))
		}
	}
}

// Save implements scim.Store.
func (s scimUsers) Save(_ context.Context, u scim.User) error {
	return scimLater(s.store.writeUsers(func(users *bbolt.Bucket) error {
		for _, name := range [][]byte{scimByID, scimByName, scimByExternal} {
			if _, err := users.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if err := scimForget(users, u.ID); err != nil {
			return err
		}
		if err := users.Bucket(scimByName).Put(scimNameKey(u.Name()), []byte(u.ID)); err != nil {
			return err
		}
		if id := u.ExternalID(); id != "" {
			if err := users.Bucket(scimByExternal).Put(scimExternalKey(id, u.ID), nil); err != nil {
				return err
			}
		}
		return put(users.Bucket(scimByID), []byte(u.ID), u)
	}))
}

// Remove implements scim.Store.
func (s scimUsers) Remove(_ context.Context, id string) error {
	return scimLater(s.store.writeUsers(func(users *bbolt.Bucket) error {
		if users.Bucket(scimByID) == nil {
			return nil
		}
		return scimForget(users, id)
	}))
}

// scimForget takes a user out of everything.
func scimForget(users *bbolt.Bucket, id string) error {
	u, found, err := get[scim.User](users.Bucket(scimByID), []byte(id))
	if err != nil || !found {
		return err
	}
	if err := users.Bucket(scimByName).Delete(scimNameKey(u.Name())); err != nil {
		return err
	}
	if err := users.Bucket(scimByExternal).Delete(scimExternalKey(u.ExternalID(), id)); err != nil {
		return err
	}
	return users.Bucket(scimByID).Delete([]byte(id))
}
