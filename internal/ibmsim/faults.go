package ibmsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault makes matching requests go wrong. All match fields that are set must match; the first matching fault wins.
type Fault struct {
	ID   int `json:"id"`   // given by AddFault
	Hits int `json:"hits"` // how often it has struck

	Service string `json:"service,omitempty"` // an API's name as in RequestCount, such as containers or iam-token
	Method  string `json:"method,omitempty"`
	Path    string `json:"path,omitempty"`   // regular expression on the URL path
	Caller  string `json:"caller,omitempty"` // IAM ID or e-mail
	Nth     int    `json:"nth,omitempty"`    // only from the nth matching request on (1 = the first)
	Times   int    `json:"times,omitempty"`  // how often; 0 = 1, negative = always

	Delay       string `json:"delay,omitempty"`       // wait first, in real time; on its own that is all
	Status      int    `json:"status,omitempty"`      // answer this instead of doing anything
	Body        string `json:"body,omitempty"`        // with this body; the service's own error shape when empty
	RetryAfter  string `json:"retryAfter,omitempty"`  // header of such an answer
	NonJSON     bool   `json:"nonJSON,omitempty"`     // answer 200 with an HTML page (trap 54)
	RefuseToken bool   `json:"refuseToken,omitempty"` // IAM does not know the key; any other service takes the token for invalid
	Hang        bool   `json:"hang,omitempty"`        // never answer; the client has to give up
	DropBefore  bool   `json:"dropBefore,omitempty"`  // cut the connection, nothing done
	After       bool   `json:"after,omitempty"`       // do it first, then one of the above: the effect is there and its reply is a lie
	DropAfter   bool   `json:"dropAfter,omitempty"`   // do it, then cut the connection: the reply is lost (trap 3)
	Truncate    bool   `json:"truncate,omitempty"`    // do it, then cut the connection in the middle of the reply's body
	Partial207  bool   `json:"partial207,omitempty"`  // items of a multi-status reply fail with 503 and change nothing (trap 25)
	Replication string `json:"replication,omitempty"` // keys and grants made by the request need so much longer to act

	path        *regexp.Regexp
	delay       time.Duration
	replication time.Duration
	seen        int
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
	if f.Replication != "" {
		if f.replication, err = parseDuration(f.Replication); err != nil {
			return 0, fmt.Errorf("read the fault's replication: %w", err)
		}
	}
	if err := f.check(); err != nil {
		return 0, err
	}
	f.Hits, f.seen = 0, 0
	if f.Times == 0 {
		f.Times = 1
	}
	f.ID = w.nextFaultID()
	w.faults = append(w.faults, &f)
	return f.ID, nil
}

// check refuses a fault that would do nothing, or two things at once.
func (f *Fault) check() error {
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("read the fault: %d is not a status to answer with", f.Status)
	}
	ends := 0
	for _, set := range []bool{f.Status != 0, f.NonJSON, f.RefuseToken, f.Hang, f.DropBefore, f.DropAfter, f.Truncate} {
		if set {
			ends++
		}
	}
	if ends > 1 {
		return errors.New("read the fault: it has more than one of status, nonJSON, refuseToken, hang, dropBefore, dropAfter, truncate")
	}
	if f.After && !f.replies() && !f.Hang {
		return errors.New("read the fault: after goes with status, nonJSON, refuseToken or hang")
	}
	if ends == 0 && f.Delay == "" && f.Replication == "" && !f.Partial207 {
		return errors.New("read the fault: it has no effect")
	}
	return nil
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

// RemoveFault disarms one fault and reports whether it was armed.
func (c *Cloud) RemoveFault(id int) bool {
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.faults)
	w.faults = slices.DeleteFunc(w.faults, func(f *Fault) bool { return f.ID == id })
	return len(w.faults) < before
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
		if f.seen < f.Nth || (f.Times > 0 && f.Hits >= f.Times) {
			continue
		}
		f.Hits++
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

// begin does what a fault does before anything else, and reports whether it answered instead of the service.
func (k *call) begin(rw http.ResponseWriter) bool {
	f := k.fault
	if f == nil {
		return false
	}
	if f.delay > 0 {
		wait(k.r, f.delay)
	}
	if f.DropBefore {
		panic(http.ErrAbortHandler)
	}
	return !f.After && k.lie(rw)
}

// lie answers in the service's place, or never.
func (k *call) lie(rw http.ResponseWriter) bool {
	if k.fault.Hang {
		<-k.r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if !k.fault.replies() {
		return false
	}
	k.fault.write(rw, k)
	return true
}

// finish does what a fault does after the effect, and reports whether the reply is spoilt.
func (k *call) finish(rw http.ResponseWriter, rep reply) bool {
	f := k.fault
	if f == nil {
		return false
	}
	if f.DropAfter {
		panic(http.ErrAbortHandler)
	}
	if f.Truncate {
		k.truncated(rw, rep)
	}
	return f.After && k.lie(rw)
}

// truncated sends half of a reply and cuts the connection.
func (k *call) truncated(rw http.ResponseWriter, rep reply) {
	text, contentType := rep.raw, rep.header["Content-Type"]
	if rep.body != nil {
		text, _ = json.Marshal(rep.body) // what cannot be written is not sent, which is a cut, too
		contentType = "application/json"
	}
	if len(text) > 1 {
		rw.Header().Set("Content-Type", contentType)
		rw.Header().Set("Content-Length", strconv.Itoa(len(text)))
		rw.WriteHeader(rep.status)
		rw.Write(text[:len(text)/2])
		_ = http.NewResponseController(rw).Flush() // the connection is cut next anyway
	}
	panic(http.ErrAbortHandler)
}

// replies tells whether the fault answers instead of the service.
func (f *Fault) replies() bool { return f.Status != 0 || f.NonJSON || f.RefuseToken }

func (f *Fault) write(rw http.ResponseWriter, k *call) {
	h := rw.Header()
	h.Set("Transaction-Id", k.requestID)
	h.Set("X-Request-Id", k.requestID)
	if f.RetryAfter != "" {
		h.Set("Retry-After", f.RetryAfter)
	}
	switch {
	case f.NonJSON:
		h.Set("Content-Type", "text/html")
		rw.WriteHeader(http.StatusOK)
		fmt.Fprint(rw, "<html><body>The page is being prepared.</body></html>")
	case f.RefuseToken && k.route.api == &tokenAPI:
		k.write(rw, k.unknownKey())
	case f.RefuseToken:
		k.write(rw, k.route.api.unauthorized(k))
	case f.Body == "":
		k.write(rw, k.shaped(f.Status))
	default:
		if json.Valid([]byte(f.Body)) {
			h.Set("Content-Type", "application/json")
		}
		rw.WriteHeader(f.Status)
		fmt.Fprint(rw, f.Body)
	}
}

// shaped is a bodiless fault in the error shape of its service.
func (k *call) shaped(status int) reply {
	text := http.StatusText(status)
	switch k.route.api {
	case &tokenAPI, &identityAPI:
		return k.iamRefusal(status, "BXNIM0000E", text)
	case &containersAPI, &kubeAPI:
		return k.ksRefusal(status, "A0002", "Authentication", text)
	}
	return k.listRefusal(status, "unable_to_process", text)
}
