package ibmsim

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"offboard/internal/ibmsim/clock"
)

// maxBody is far above any request IBM's clients send.
const maxBody = 8 << 20

func (c *Cloud) newMux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range routes() {
		for _, prefix := range rt.api.prefixes {
			mux.HandleFunc(rt.method+" "+prefix+rt.path, c.serve(rt))
		}
	}
	mux.HandleFunc("/kube/{cluster}/", c.serveKube)
	mux.HandleFunc("POST /sim/clock", c.postClock)
	mux.HandleFunc("PUT /sim/state", c.putState)
	mux.HandleFunc("/", c.serveUnknown)
	return mux
}

// serve runs one operation: faults first, then the caller's identity, then the handler under the mutex.
func (c *Cloud) serve(rt route) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		w := c.world.Load()
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			panic(http.ErrAbortHandler) // the client went away before its request was complete
		}
		k := &call{w: w, r: r, route: rt, body: body}
		refused := k.enter()
		if rt.api != &simAPI {
			w.sleep(r, w.knobs.Latency.Std())
			if k.begin(rw) {
				return
			}
		}
		rep := refused
		if rep.status == 0 {
			rep = k.run()
		}
		if k.finish(rw, rep) {
			return
		}
		k.write(rw, rep)
	}
}

// enter identifies the caller, counts the request and finds the fault that is due. A reply means refusal.
func (k *call) enter() reply {
	w := k.w
	w.mu.Lock()
	defer w.mu.Unlock()
	k.now = w.clock.Now()
	k.requestID = firstOf(k.r.Header.Get("Transaction-Id"), k.r.Header.Get("X-Request-Id"), k.r.Header.Get("X-Correlation-Id"), uuidOf(w.ids.next("request")))
	claims, valid := w.readToken(k.bearer(), k.now)
	if valid {
		k.caller = w.who(claims.IAM)
		k.caller.email = firstOf(k.caller.email, claims.Email)
	}
	if k.route.api == &simAPI {
		return reply{}
	}
	w.count(k)
	k.fault = w.dueFault(k)
	if k.route.api == &containersAPI && w.overLimit(k) {
		return k.tooMany()
	}
	if !k.route.open && !(valid && claims.Use == tokenAccess) {
		return k.route.api.unauthorized(k)
	}
	return reply{}
}

func (k *call) run() reply {
	rep := k.locked()
	for _, f := range k.after {
		f()
	}
	return rep
}

func (k *call) locked() reply {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	k.now = k.w.clock.Now()
	if k.fault != nil {
		k.w.slow = k.fault.replication
		defer func() { k.w.slow = 0 }()
	}
	return k.route.handle(k)
}

func (k *call) write(rw http.ResponseWriter, rep reply) {
	h := rw.Header()
	h.Set("Transaction-Id", k.requestID)
	h.Set("X-Request-Id", k.requestID)
	h.Set("X-Correlation-Id", k.requestID)
	for name, value := range rep.header {
		h.Set(name, value)
	}
	if rep.raw != nil {
		rw.WriteHeader(rep.status)
		rw.Write(rep.raw)
		return
	}
	if rep.body == nil {
		rw.WriteHeader(rep.status)
		return
	}
	text, err := json.Marshal(rep.body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	rw.WriteHeader(rep.status)
	if k.r.Method != http.MethodHead {
		rw.Write(text)
	}
}

// serveUnknown fails loudly: an operation we do not model must not look like one that worked.
func (c *Cloud) serveUnknown(rw http.ResponseWriter, r *http.Request) {
	w := c.world.Load()
	w.mu.Lock()
	w.countUnknown(r)
	w.mu.Unlock()
	http.Error(rw, "the simulated IBM Cloud does not know "+r.Method+" "+r.URL.Path, http.StatusNotImplemented)
}

// sleep waits in real time, because latency is what the client feels; on a virtual clock only faults ask for it.
func (w *world) sleep(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	if _, virtual := w.clock.(*clock.Virtual); virtual {
		return
	}
	wait(r, d)
}

func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

func clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func firstOf(values ...string) string {
	for _, v := range values {
		if strings.TrimSpace(v) != "" {
			return v
		}
	}
	return ""
}
