package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// How many users an answer holds: as many as Okta asks for, and at most twice that.
const (
	defaultCount = 100
	maxCount     = 200
)

// query is what a list is asked for.
type query struct {
	filter string
	start  int // from 1
	count  int
	shape  shape
}

// list is GET /Users.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	q := query{start: 1, count: defaultCount}
	parameters := r.URL.Query()
	var err error
	if q.shape, err = shapeOf(parameters); err != nil {
		return err
	}
	q.filter = parameters.Get("filter")
	if q.start, err = number("startIndex", parameters.Get("startIndex"), 1); err != nil {
		return err
	}
	if q.count, err = number("count", parameters.Get("count"), defaultCount); err != nil {
		return err
	}
	return h.answer(w, r, q)
}

// search is POST /.search (RFC 7644, section 3.4.3).
func (h *Handler) search(w http.ResponseWriter, r *http.Request) error {
	body, err := h.body(r)
	if err != nil {
		return err
	}
	q := query{filter: textOf(member(body, "filter"))}
	names := func(key string) []string {
		var list []string
		for _, e := range elements(member(body, key)) {
			list = append(list, textOf(e))
		}
		return split(list)
	}
	if q.shape, err = newShape(names("attributes"), names("excludedAttributes")); err != nil {
		return err
	}
	written := func(key string) string {
		switch v := member(body, key).(type) {
		case json.Number:
			return v.String()
		case string:
			return v
		case nil:
			return ""
		}
		return "no number"
	}
	if q.start, err = number("startIndex", written("startIndex"), 1); err != nil {
		return err
	}
	if q.count, err = number("count", written("count"), defaultCount); err != nil {
		return err
	}
	if strings.HasPrefix(r.URL.Path, Path+"/Groups") {
		return h.noGroups(w, r)
	}
	return h.answer(w, r, q)
}

// number reads a whole number.
func number(name, written string, otherwise int) (int, error) {
	if written == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(written))
	if err != nil {
		return 0, bad(invalidValue, "%q must be a whole number, not %s", name, short(written))
	}
	return n, nil
}

// answer writes a page of the users that a query means. The order is that of their creation, so that pages fit together
// while users come and go.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, q query) error {
	q.start = max(q.start, 1)
	q.count = min(max(q.count, 0), maxCount)
	total, page := 0, []any{}
	take := func(resource map[string]any) {
		if total++; total >= q.start && len(page) < q.count {
			page = append(page, q.shape.of(resource))
		}
	}
	if err := h.each(r.Context(), q.filter, base(r), take); err != nil {
		return err
	}
	writeList(w, total, q.start, page)
	return nil
}

// each goes through the users that a filter means.
func (h *Handler) each(ctx context.Context, text, base string, take func(map[string]any)) error {
	matches := func(map[string]any) bool { return true }
	if strings.TrimSpace(text) != "" {
		parsed, expression, err := parseFilter(text)
		if err != nil {
			return err
		}
		if found, err := h.few(ctx, expression); err != nil || found != nil {
			for _, u := range found {
				if resource := u.resource(base); parsed(resource) {
					take(resource)
				}
			}
			return err
		}
		matches = parsed
	}
	for u, err := range h.config.Store.Users(ctx) {
		if err != nil {
			return fmt.Errorf("go through the users: %w", err)
		}
		if resource := u.resource(base); matches(resource) {
			take(resource)
		}
	}
	return nil
}

// few finds the users that can match by an index, nil where none serves: each lookup before a synchronisation is by
// userName or externalId.
func (h *Handler) few(ctx context.Context, e filter.Expression) ([]User, error) {
	by, value, ok := indexed(e)
	if !ok {
		return nil, nil
	}
	users, err := h.config.Store.Lookup(ctx, by, value)
	if err != nil {
		return nil, fmt.Errorf("look up users by %s: %w", by, err)
	}
	if users == nil {
		users = []User{}
	}
	return users, nil
}

// noGroups is GET /Groups: none are kept, which senders that try it out take for an answer.
func (h *Handler) noGroups(w http.ResponseWriter, _ *http.Request) error {
	writeList(w, 0, 1, []any{})
	return nil
}

func writeList(w http.ResponseWriter, total, start int, page []any) {
	writeJSON(w, http.StatusOK, map[string]any{
		"schemas":      []string{listSchema},
		"totalResults": total,
		"startIndex":   start,
		"itemsPerPage": len(page),
		"Resources":    page,
	})
}
