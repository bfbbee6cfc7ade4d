package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Path is where the handler is mounted.
const Path = "/scim/v2"

// largestBody in bytes is far above any user.
const largestBody = 256 << 10

// Config is what a Handler is made of. Store, Apply and Allow are required.
type Config struct {
	Store Store
	// Apply tells the engine of a change and returns when that is durable; the same change again does no harm. Its error may
	// be a *Later or a *Refused; after any other the sender is told to come again.
	Apply func(ctx context.Context, c Change) error
	// Allow tells whether a request may come in. Its error may be a *Rejected or a *Later.
	Allow func(r *http.Request) error
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Failed hears of errors the sender is not told the cause of; nil: nobody.
	Failed func(ctx context.Context, err error)
}

// Handler serves SCIM 2.0 at Path. It is safe for concurrent use.
type Handler struct {
	config Config
	locks  locks
}

// New makes a Handler.
func New(config Config) *Handler { return &Handler{config: config} }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.config.Allow(r)
	if err == nil {
		err = h.route(w, r)
	}
	if err == nil {
		return
	}
	f := failureOf(err)
	if f.status >= 500 && h.config.Failed != nil {
		h.config.Failed(r.Context(), err)
	}
	f.write(w)
}

type action func(http.ResponseWriter, *http.Request) error

// route finds what a request asks for. Unknown parameters are no error: Entra adds "aadOptscim062020" to each URL.
func (h *Handler) route(w http.ResponseWriter, r *http.Request) error {
	rest, ok := strings.CutPrefix(r.URL.Path, Path)
	parts := slices.DeleteFunc(strings.Split(rest, "/"), func(s string) bool { return s == "" })
	if !ok || len(parts) == 0 || len(parts) > 2 {
		return notFound(r)
	}
	methods := h.methods(parts)
	if methods == nil {
		return notFound(r)
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	act, ok := methods[method]
	if !ok {
		allowed := slices.Sorted(maps.Keys(methods))
		return &failure{status: http.StatusMethodNotAllowed, header: http.Header{"Allow": {strings.Join(allowed, ", ")}},
			detail: fmt.Sprintf("%s is not done here, but %s", r.Method, strings.Join(allowed, ", "))}
	}
	return act(w, r)
}

// methods are what can be done at a path, nil where there is nothing.
func (h *Handler) methods(parts []string) map[string]action {
	first, second := parts[0], ""
	if len(parts) == 2 {
		second = parts[1]
	}
	on := func(do func(http.ResponseWriter, *http.Request, string) error) action {
		return func(w http.ResponseWriter, r *http.Request) error { return do(w, r, second) }
	}
	switch {
	case first == "Users" && second == "":
		return map[string]action{"GET": h.list, "POST": h.create}
	case second == ".search" && (first == "Users" || first == "Groups"), first == ".search" && second == "":
		return map[string]action{"POST": h.search}
	case first == "Users":
		return map[string]action{"GET": on(h.get), "PUT": on(h.put), "PATCH": on(h.patch), "DELETE": on(h.delete)}
	case first == "Groups" && second == "":
		return map[string]action{"GET": h.noGroups, "POST": notDone}
	case first == "Groups":
		return map[string]action{"GET": func(_ http.ResponseWriter, r *http.Request) error { return notFound(r) },
			"PUT": notDone, "PATCH": notDone, "DELETE": notDone}
	case first == "ServiceProviderConfig" && second == "":
		return map[string]action{"GET": h.serviceProviderConfig}
	case first == "Schemas":
		return map[string]action{"GET": on(h.schemas)}
	case first == "ResourceTypes":
		return map[string]action{"GET": on(h.resourceTypes)}
	case first == "Me", first == "Bulk":
		return map[string]action{"GET": notDone, "POST": notDone, "PUT": notDone, "PATCH": notDone, "DELETE": notDone}
	}
	return nil
}

func notFound(r *http.Request) error {
	return failf(http.StatusNotFound, "", "there is nothing at %s", r.URL.Path)
}

// notDone answers what SCIM leaves to choice and is not done here (RFC 7644, section 3.11 for /Me).
func notDone(_ http.ResponseWriter, r *http.Request) error {
	return failf(http.StatusNotImplemented, "", "%s %s is not done here: only users are kept", r.Method, r.URL.Path)
}

// body reads the body of a request, which must be one JSON object.
func (h *Handler) body(r *http.Request) (map[string]any, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		media, _, err := mime.ParseMediaType(kind)
		if err != nil || media != "application/scim+json" && media != "application/json" {
			return nil, failf(http.StatusUnsupportedMediaType, "", "the body must be application/scim+json, not %s", short(kind))
		}
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, largestBody))
	if large, yes := errors.AsType[*http.MaxBytesError](err); yes {
		return nil, failf(http.StatusRequestEntityTooLarge, "", "the body is larger than %d bytes", large.Limit)
	}
	if err != nil {
		return nil, bad(invalidSyntax, "the body could not be read to its end")
	}
	return decodeBody(data)
}

// decodeBody reads a request's JSON object, with numbers as they were written.
func decodeBody(data []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil {
		return nil, bad(invalidSyntax, "the body is not one JSON object: %v", err)
	}
	if dec.More() {
		return nil, bad(invalidSyntax, "there is more after the JSON object")
	}
	if body == nil {
		return nil, bad(invalidSyntax, "the body is not one JSON object")
	}
	return body, nil
}

// base is the URL of the service as the sender knows it, for the links in an answer. A proxy in front ends the TLS.
func base(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme + "://" + r.Host + Path
}

// writeJSON writes an answer in SCIM's media type.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/scim+json")
	w.Header().Set("Cache-Control", "no-store") // it is about people
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the sender has gone away
}

// equal compares what was kept with what is to be kept.
func equal(a, b Attributes) bool {
	return reflect.DeepEqual(map[string]any(a), map[string]any(b))
}
