package scim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"
)

// changeOf says what a request means for the user's leaving; empty where it means nothing. said: the request says
// something of active, be it what the user was before.
func changeOf(before User, after Attributes, said bool) Kind {
	was, is := before.Attrs.active(), after.active()
	switch {
	case !said:
		return ""
	case !is && (was || before.Told.Stand == Unsure):
		return Deactivated
	case is && before.Told.Stand != Staying:
		return Activated
	}
	// The same again; or a user that came inactive and was never spoken of.
	return ""
}

// changeID is the same for the same request until it has succeeded, and never the same after: success counts the version
// up.
func changeID(id string, version uint64, kind Kind) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%s", id, version, kind))
	return hex.EncodeToString(sum[:16])
}

// tell tells the engine of a change, before the user is written: if it cannot be told, nothing is committed but the note
// that it may have been, and the sender comes again. It returns what is told of the user from now on.
func (h *Handler) tell(ctx context.Context, before User, after Attributes, kind Kind) (Told, error) {
	person := before.Told.Person
	if before.Told.Stand == Staying {
		// The name before the request counts: identity systems rename those who leave.
		if person = before.Attrs.person(); person == "" {
			person = after.person()
		}
	}
	if person == "" {
		return Told{}, bad(invalidValue, `nobody can tell who this is: neither "userName" nor a primary or work address in "emails" is an e-mail address, and the person is known by one in the account`)
	}
	note := Told{Stand: Unsure, Person: person, Change: changeID(before.ID, before.Version+1, kind), Since: h.now()}
	if before.Told.Change == note.Change {
		note.Since = before.Told.Since
	}
	unsure := before
	unsure.Told = note
	if err := h.config.Store.Save(ctx, unsure); err != nil {
		return Told{}, fmt.Errorf("note a change of the user %s: %w", before.ID, err)
	}
	err := h.config.Apply(ctx, Change{ID: note.Change, Kind: kind, Person: person, Since: note.Since, UserID: before.ID, ExternalID: before.ExternalID()})
	if f := refusal(err); f != nil {
		// It is certain that nothing was done.
		if err := h.config.Store.Save(context.WithoutCancel(ctx), before); err != nil {
			return Told{}, fmt.Errorf("take back the note on the user %s: %w", before.ID, err)
		}
		return Told{}, f
	}
	if err != nil {
		return Told{}, err
	}
	if kind == Deactivated {
		return Told{Stand: Leaving, Person: person}, nil
	}
	return Told{}, nil
}

// refusal is the answer to a change that can never be applied; nil for anything else.
func refusal(err error) *failure {
	if f := failureOf(err); err != nil && f.status < 500 {
		return f
	}
	return nil
}

// replace writes a user's new attributes, after the engine was told where that is needed.
func (h *Handler) replace(ctx context.Context, before User, after Attributes, said bool) (User, error) {
	user := before
	kind := changeOf(before, after, said)
	if kind == "" && equal(before.Attrs, after) {
		return before, nil // nothing has changed, the version included
	}
	if nameKey(textOf(after["userName"])) != nameKey(before.Name()) {
		unlock, err := h.claim(ctx, textOf(after["userName"]), before.ID)
		if err != nil {
			return User{}, err
		}
		defer unlock()
	}
	if kind != "" {
		told, err := h.tell(ctx, before, after, kind)
		if err != nil {
			return User{}, err
		}
		user.Told = told
	}
	user.Attrs, user.Version, user.Modified = after, before.Version+1, h.now()
	// What the engine has accepted is written even if the sender has gone away meanwhile.
	if err := h.config.Store.Save(context.WithoutCancel(ctx), user); err != nil {
		return User{}, fmt.Errorf("write the user %s: %w", user.ID, err)
	}
	return user, nil
}

// claim makes sure that nobody else has a userName, until unlock.
func (h *Handler) claim(ctx context.Context, name, id string) (unlock func(), err error) {
	unlock, err = h.locks.lock(ctx, "name "+nameKey(name))
	if err != nil {
		return nil, err
	}
	users, err := h.config.Store.Lookup(ctx, ByName, name)
	for _, u := range users {
		if u.ID != id && err == nil {
			err = failf(http.StatusConflict, uniqueness, "there is a user with the userName %q already: %s", name, u.ID)
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (h *Handler) now() time.Time {
	if h.config.Now != nil {
		return h.config.Now().UTC().Truncate(time.Millisecond)
	}
	return time.Now().UTC().Truncate(time.Millisecond)
}
