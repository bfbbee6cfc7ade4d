package ibmsim

import (
	"maps"
	"time"
)

// Entry is one mutation of the account, by a caller or by the platform itself (then Method is empty).
type Entry struct {
	Seq       int               `json:"seq"`
	Time      time.Time         `json:"time"`
	Service   string            `json:"service"`
	Method    string            `json:"method,omitempty"`
	Path      string            `json:"path,omitempty"`
	Action    string            `json:"action"` // named as IBM's activity tracking names it
	Caller    string            `json:"caller,omitempty"`
	Email     string            `json:"email,omitempty"`
	RequestID string            `json:"requestId,omitempty"`
	Target    string            `json:"target"`
	Details   map[string]string `json:"details,omitempty"`
}

// record writes a caller's mutation into the ledger; details come in pairs.
func (k *call) record(action, target string, details ...string) {
	k.w.append(Entry{
		Time: k.now, Service: k.route.api.name, Method: k.r.Method, Path: k.r.URL.Path, Action: action, Caller: k.caller.iam,
		Email: k.caller.email, RequestID: k.requestID, Target: target, Details: pairs(details),
	})
}

// happened writes what the platform did by itself into the ledger.
func (w *world) happened(service, action, target string, details ...string) {
	w.append(Entry{Time: w.clock.Now(), Service: service, Action: action, Target: target, Details: pairs(details)})
}

func (w *world) append(e Entry) {
	e.Seq = len(w.ledger) + 1
	w.ledger = append(w.ledger, e)
}

func pairs(kv []string) map[string]string {
	if len(kv) == 0 {
		return nil
	}
	m := make(map[string]string, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return m
}

func (e Entry) clone() Entry {
	e.Details = maps.Clone(e.Details)
	return e
}
