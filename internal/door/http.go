package door

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The largest bodies that are read. Standard Webhooks asks senders to stay below 20 kB, HR systems send less than one;
// Okta puts several events of some kilobytes each into one.
const (
	largestBody = 64 << 10
	largestOkta = 512 << 10
)

// handler answers one request. What it returns as value is the body of the answer, its status 200 unless it is an
// answer; errors become answers in one place.
type handler func(c *call) (any, error)

// call is a request under way.
type call struct {
	*http.Request
	body []byte // as it came, which is what signatures are made of
	line *line
}

// route is one route of the door.
type route struct {
	pattern string // as for http.ServeMux
	source  string // whose audit lines they are; empty: the handler says
	largest int    // bytes of the body; zero: there is none
	handle  handler
	types   []string // media types of the body; none: application/json
}

// routes are all routes besides those of SCIM. A further sender is one file and one line here.
func (d *Door) routes() []route {
	list := []route{
		{pattern: "GET /livez", handle: d.live},
		{pattern: "GET /readyz", handle: d.ready},
		{pattern: "GET /openapi.yaml", handle: d.document},
		{pattern: "GET /brake", source: operatorSource, handle: d.showBrake},
		{pattern: "POST /brake/release", source: operatorSource, handle: d.releaseBrake},
		{pattern: "POST /brake/discard", source: operatorSource, handle: d.discardBrake},
		{pattern: "GET /runs", source: operatorSource, handle: d.showRun},
		{pattern: "GET /runs/{run}", source: operatorSource, handle: d.showRun},
		{pattern: "POST /webhooks/{source}", largest: largestBody, handle: d.webhook},
	}
	for name, verb := range operatorVerbs {
		tell := func(c *call) (any, error) { return d.tellRun(c, verb) }
		list = append(list, route{pattern: "POST /runs/" + name, source: operatorSource, largest: largestBody, handle: tell},
			route{pattern: "POST /runs/{run}/" + name, source: operatorSource, largest: largestBody, handle: tell})
	}
	if d.config.Okta != nil {
		list = append(list, route{pattern: "GET /okta/events", source: oktaSource, handle: d.oktaChallenge},
			route{pattern: "POST /okta/events", source: oktaSource, largest: largestOkta, handle: d.oktaEvents})
	}
	if d.config.HiBob != nil {
		// The test of the set-up is no JSON.
		list = append(list, route{pattern: "POST /hibob", source: hibobSource, largest: largestBody, handle: d.hibob, types: []string{"application/json", "text/plain"}})
	}
	if d.config.BambooHR != nil {
		list = append(list, route{pattern: "POST /bamboohr", source: bamboohrSource, largest: largestBody, handle: d.bamboohr})
	}
	return list
}

// Handler is the door as an HTTP handler.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.pattern, d.serve(r))
	}
	if d.config.SCIM != nil {
		mux.Handle("/scim/v2/", d.scimHandler(*d.config.SCIM))
	}
	return d.audited(mux)
}

// serve reads a request, has it handled and writes the answer.
func (d *Door) serve(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		c := &call{Request: request, line: lineOf(request.Context())}
		c.line.source = r.source
		if r.largest == 0 {
			d.reply(w, c, r.handle)
			return
		}
		d.reply(w, c, func(c *call) (any, error) {
			if err := c.read(w, r); err != nil {
				return nil, err
			}
			return r.handle(c)
		})
	})
}

// read reads the body.
func (c *call) read(w http.ResponseWriter, r route) error {
	types := r.types
	if len(types) == 0 {
		types = []string{"application/json"}
	}
	if kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || !slices.Contains(types, kind) {
		return &rejected{status: http.StatusUnsupportedMediaType, text: "the body must be " + strings.Join(types, " or ")}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, int64(r.largest)))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &rejected{status: http.StatusRequestEntityTooLarge, text: "the body is too large"}
	}
	if err != nil {
		return &rejected{status: http.StatusBadRequest, text: "the body did not arrive as a whole"}
	}
	c.body = body
	return nil
}

// event applies an event and notes it in the audit line.
func (d *Door) event(c *call, e Event) (any, error) {
	c.line.events = append(c.line.events, e.ID)
	c.line.user, c.line.kind = e.User, string(e.Kind)
	o, err := d.Apply(c.Context(), e)
	if err != nil {
		return nil, err
	}
	c.line.outcome, c.line.run, c.line.duplicate = o.Result, o.Run, o.Duplicate
	return o, nil
}

// admit bounds the requests of one source. It is asked after the sender has proved who it is, so that nobody else can
// use up its share.
func (d *Door) admit(source string) error {
	limit := d.limits[source]
	if limit == nil || limit.Allow() {
		return nil
	}
	return &rejected{status: http.StatusTooManyRequests, text: "too many requests", after: time.Second}
}

func (d *Door) live(*call) (any, error) { return text("ok\n"), nil }

func (d *Door) ready(c *call) (any, error) {
	// Kubernetes gives a probe one second by default.
	ctx, cancel := context.WithTimeout(c.Context(), 900*time.Millisecond)
	defer cancel()
	if err := d.store.read(nothing); err != nil {
		return nil, err
	}
	if err := d.engine.Ready(ctx); err != nil {
		return nil, &Away{After: 5 * time.Second, Why: "the engine does not answer", Cause: err}
	}
	return text("ok\n"), nil
}
