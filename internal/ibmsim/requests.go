package ibmsim

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// RequestCount says how often an operation was called, and by whom (by e-mail, or the IAM ID, or "" without a token).
type RequestCount struct {
	Service string         `json:"service"`
	Method  string         `json:"method"`
	Route   string         `json:"route"`
	Count   int            `json:"count"`
	Callers map[string]int `json:"callers"`
}

type requestKey struct{ service, method, route string }

func (w *world) count(k *call) {
	key := requestKey{k.route.api.name, k.r.Method, k.route.path}
	n := w.requests[key]
	if n == nil {
		n = &RequestCount{Service: key.service, Method: key.method, Route: key.route, Callers: map[string]int{}}
		w.requests[key] = n
	}
	n.Count++
	n.Callers[firstOf(k.caller.email, k.caller.iam)]++
}

// maxUnknown bounds the memory that a client asking for ever new nonsense can take.
const maxUnknown = 1000

func (w *world) countUnknown(r *http.Request) {
	method, path := r.Method, r.URL.Path
	key := method + " " + path
	n := w.unknown[key]
	if n == nil && len(w.unknown) >= maxUnknown {
		key, method, path = "", "", "and others"
		n = w.unknown[key]
	}
	if n == nil {
		n = &RequestCount{Method: method, Route: path, Callers: map[string]int{}}
		w.unknown[key] = n
	}
	n.Count++
}

// Requests counts the requests since the start by operation. The simulator's own control calls are not among them.
func (c *Cloud) Requests() []RequestCount {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return sortedCounts(w.requests)
}

// Unknown lists the requests nobody here knows how to answer; a test that has any has found a gap.
func (c *Cloud) Unknown() []RequestCount {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return sortedCounts(w.unknown)
}

func sortedCounts[K comparable](counts map[K]*RequestCount) []RequestCount {
	list := []RequestCount{}
	for _, n := range counts {
		one := *n
		one.Callers = make(map[string]int, len(n.Callers))
		for who, times := range n.Callers {
			one.Callers[who] = times
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b RequestCount) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Route, b.Route), cmp.Compare(a.Method, b.Method))
	})
	return list
}

// rateWindow is the length of the Kubernetes Service's documented limit: 200 requests in 10 s from one address.
const rateWindow = 10 * time.Second

// window counts one source's requests in the current ten seconds.
type window struct {
	start time.Time
	count int
}

func (w *world) overLimit(k *call) bool {
	if w.knobs.RateLimit <= 0 {
		return false
	}
	source := clientOf(k.r)
	win := w.windows[source]
	if win == nil || k.now.Sub(win.start) >= rateWindow {
		win = &window{start: k.now}
		w.windows[source] = win
	}
	win.count++
	return win.count > w.knobs.RateLimit
}

// tooMany is the refusal above the limit; its status and header are inferred.
func (k *call) tooMany() reply {
	rep := k.ksRefusal(http.StatusTooManyRequests, "E429", "Throttling", "Too many requests from this address. Wait before you send another.")
	rep.header = map[string]string{"Retry-After": "1"}
	return rep
}
