package ibmsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Fault makes matching requests go wrong. All match fields that are set must match; the first matching fault wins.
type Fault struct {
	ID int `json:"id"` // given by AddFault

	Service string `json:"service,omitempty"` // an API's name as in RequestCount, such as containers or iam-token
	Method  string `json:"method,omitempty"`
	Path    string `json:"path,omitempty"`   // regular expression on the URL path
	Caller  string `json:"caller,omitempty"` // IAM ID or e-mail
	Nth     int    `json:"nth,omitempty"`    // only from the nth matching request on (1 = the first)

	Status     int    `json:"status,omitempty"`     // answer this instead of doing anything
	Body       string `json:"body,omitempty"`       // with this body; the service's own error shape when empty
	RetryAfter string `json:"retryAfter,omitempty"` // header of such an answer
	Delay      string `json:"delay,omitempty"`      // wait first, in real time
	Times      int    `json:"times,omitempty"`      // how often; 0 = 1, negative = always
	DropBefore bool   `json:"dropBefore,omitempty"` // cut the connection, nothing done
	DropAfter  bool   `json:"dropAfter,omitempty"`  // do it, then cut the connection: the reply is lost (trap 3)
	NonJSON    bool   `json:"nonJSON,omitempty"`    // 200 with an HTML page (trap 54)
	Partial207 bool   `json:"partial207,omitempty"` // items of a multi-status reply fail with 503 and change nothing (trap 25)

	path  *regexp.Regexp
	delay time.Duration
	seen  int
	hits  int
}

// AddFault arms a fault and returns its ID.
func (c *Cloud) AddFault(f Fault) (int, error) {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.addFault(f)
}

func (w *world) addFault(f Fault) (int, error) {
	var err error
	if f.path, err = regexp.Compile(f.Path); err != nil {
		return 0, fmt.Errorf("read the fault's path expression: %w", err)
	}
	if f.Delay != "" {
		if f.delay, err = parseDuration(f.Delay); err != nil {
			return 0, fmt.Errorf("read the fault's delay: %w", err)
		}
	}
	if f.Times == 0 {
		f.Times = 1
	}
	f.ID = w.nextFaultID()
	w.faults = append(w.faults, &f)
	return f.ID, nil
}

func (w *world) nextFaultID() int {
	w.ids.counter["fault"]++
	return w.ids.counter["fault"]
}

// ClearFaults disarms every fault.
func (c *Cloud) ClearFaults() {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// Faults lists the armed faults.
func (c *Cloud) Faults() []Fault {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.armed()
}

func (w *world) armed() []Fault {
	list := []Fault{}
	for _, f := range w.faults {
		list = append(list, *f)
	}
	return list
}

// dueFault finds the fault for a request and uses it up.
func (w *world) dueFault(k *call) *Fault {
	for _, f := range w.faults {
		if !f.matches(k) {
			continue
		}
		f.seen++
		if f.seen < f.Nth || (f.Times > 0 && f.hits >= f.Times) {
			continue
		}
		f.hits++
		due := *f
		return &due
	}
	return nil
}

func (f *Fault) matches(k *call) bool {
	return (f.Service == "" || f.Service == k.route.api.name) &&
		(f.Method == "" || strings.EqualFold(f.Method, k.r.Method)) &&
		(f.Caller == "" || f.Caller == k.caller.iam || strings.EqualFold(f.Caller, k.caller.email)) &&
		f.path.MatchString(k.r.URL.Path)
}

// obey does what a fault does before anything is answered.
func (k *call) obey() {
	if k.fault == nil {
		return
	}
	if k.fault.delay > 0 {
		wait(k.r, k.fault.delay)
	}
	if k.fault.DropBefore {
		panic(http.ErrAbortHandler)
	}
}

// replies tells whether the fault answers instead of the service.
func (f *Fault) replies() bool { return f.Status != 0 || f.NonJSON }

func (f *Fault) write(rw http.ResponseWriter, k *call) {
	h := rw.Header()
	h.Set("Transaction-Id", k.requestID)
	h.Set("X-Request-Id", k.requestID)
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
	if f.NonJSON {
		h.Set("Content-Type", "text/html")
		rw.WriteHeader(http.StatusOK)
		fmt.Fprint(rw, "<html><body>The page is being prepared.</body></html>")
		return
	}
	if f.Body == "" {
		k.write(rw, k.shaped(f.Status))
		return
	}
	if json.Valid([]byte(f.Body)) {
		h.Set("Content-Type", "application/json")
	}
	rw.WriteHeader(f.Status)
	fmt.Fprint(rw, f.Body)
}

// shaped is a bodiless fault in the error shape of its service.
func (k *call) shaped(status int) reply {
	text := http.StatusText(status)
	switch k.route.api {
	case &tokenAPI, &identityAPI:
		return k.iamRefusal(status, "BXNIM0000E", text)
	case &containersAPI:
		return k.ksRefusal(status, "A0002", "Authentication", text)
	}
	return k.listRefusal(status, "unable_to_process", text)
}
