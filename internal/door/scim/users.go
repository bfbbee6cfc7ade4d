package scim

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// create is POST /Users. A user that comes inactive is kept and means nothing: nobody has left who was never here.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) error {
	shape, err := shapeOf(r.URL.Query())
	if err != nil {
		return err
	}
	body, err := h.body(r)
	if err != nil {
		return err
	}
	attributes, err := readUser(body)
	if err != nil {
		return err
	}
	unlock, err := h.claim(r.Context(), textOf(attributes["userName"]), "")
	if err != nil {
		return err
	}
	defer unlock()
	id, err := uuid.NewV7() // sorts by time: users are listed in the order they came
	if err != nil {
		return fmt.Errorf("make an ID: %w", err)
	}
	now := h.now()
	u := User{ID: id.String(), Version: 1, Created: now, Modified: now, Attrs: attributes}
	if err := h.config.Store.Save(r.Context(), u); err != nil {
		return fmt.Errorf("write the user %s: %w", u.ID, err)
	}
	h.write(w, r, http.StatusCreated, u, shape)
	return nil
}

// get is GET /Users/{id}. An inactive user is there like any other: Entra asks for it.
func (h *Handler) get(w http.ResponseWriter, r *http.Request, id string) error {
	shape, err := shapeOf(r.URL.Query())
	if err != nil {
		return err
	}
	u, err := h.config.Store.User(r.Context(), id)
	if err != nil {
		return err
	}
	if tags := r.Header.Get("If-None-Match"); tags != "" && matchesTag(tags, u) {
		w.Header().Set("ETag", u.etag())
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.write(w, r, http.StatusOK, u, shape)
	return nil
}

// put is PUT /Users/{id}, with which Okta's wizard apps do everything. Without "active" the user stays what it was: a
// sender that leaves it out has not said that somebody leaves, nor that somebody stays.
func (h *Handler) put(w http.ResponseWriter, r *http.Request, id string) error {
	return h.update(w, r, id, func(body map[string]any, before User) (Attributes, bool, error) {
		after, err := readUser(body)
		if err != nil {
			return nil, false, err
		}
		_, said := after["active"]
		if kept, was := before.Attrs["active"]; was && !said {
			after["active"] = kept
		}
		return after, said, nil
	})
}

// patch is PATCH /Users/{id}.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request, id string) error {
	return h.update(w, r, id, func(body map[string]any, before User) (Attributes, bool, error) {
		p, err := readPatch(body)
		if err != nil {
			return nil, false, err
		}
		return p.apply(before.Attrs)
	})
}

// update changes a user, one request at a time.
func (h *Handler) update(w http.ResponseWriter, r *http.Request, id string, change func(body map[string]any, before User) (Attributes, bool, error)) error {
	shape, err := shapeOf(r.URL.Query())
	if err != nil {
		return err
	}
	body, err := h.body(r)
	if err != nil {
		return err
	}
	before, unlock, err := h.hold(r, id)
	if err != nil {
		return err
	}
	defer unlock()
	after, said, err := change(body, before)
	if err != nil {
		return err
	}
	u, err := h.replace(r.Context(), before, after, said)
	if err != nil {
		return err
	}
	h.write(w, r, http.StatusOK, u, shape)
	return nil
}

// delete is DELETE /Users/{id}, which Entra sends when somebody is gone for good.
func (h *Handler) delete(w http.ResponseWriter, r *http.Request, id string) error {
	before, unlock, err := h.hold(r, id)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := h.tell(r.Context(), before, before.Attrs, Deleted); err != nil {
		return err
	}
	// What the engine has accepted is done even if the sender has gone away meanwhile.
	if err := h.config.Store.Remove(context.WithoutCancel(r.Context()), id); err != nil {
		return fmt.Errorf("remove the user %s: %w", id, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// hold reads a user for a change, which nobody else makes until unlock. The request's If-Match must name its version.
func (h *Handler) hold(r *http.Request, id string) (u User, unlock func(), err error) {
	unlock, err = h.locks.lock(r.Context(), "user "+id)
	if err != nil {
		return User{}, nil, err
	}
	u, err = h.config.Store.User(r.Context(), id)
	if err == nil {
		err = precondition(r, u)
	}
	if err != nil {
		unlock()
		return User{}, nil, err
	}
	return u, unlock, nil
}

func precondition(r *http.Request, u User) error {
	if tags := r.Header.Get("If-Match"); tags != "" && !matchesTag(tags, u) {
		return failf(http.StatusPreconditionFailed, "", "the user has changed: its version is now %s", u.etag())
	}
	if tags := r.Header.Get("If-None-Match"); tags != "" && matchesTag(tags, u) {
		return failf(http.StatusPreconditionFailed, "", "the user is there, in version %s", u.etag())
	}
	return nil
}

// matchesTag compares a list of entity tags with the user's. SCIM's are weak, so strength does not count.
func matchesTag(list string, u User) bool {
	want := strings.TrimPrefix(u.etag(), "W/")
	for tag := range strings.SplitSeq(list, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == want {
			return true
		}
	}
	return false
}

// write answers with a user.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, status int, u User, s shape) {
	resource := u.resource(base(r))
	w.Header().Set("ETag", u.etag())
	if status == http.StatusCreated {
		w.Header().Set("Location", base(r)+"/Users/"+u.ID)
	}
	writeJSON(w, status, s.of(resource))
}
