package ibmsim

import (
	"encoding/json"
	"net/http"
)

// Adapters from the simulator's own control calls, under /sim, to the Go methods. They count in no statistics and no
// fault touches them. Handlers here run under the mutex like any other, so they use the world and not the Cloud.

func controlRoutes() []route {
	return []route{
		{api: &simAPI, method: "GET", path: "/ledger", handle: func(k *call) reply { return ok(k.w.entries()) }, open: true},
		{api: &simAPI, method: "GET", path: "/outages", handle: func(k *call) reply { return ok(k.w.outages(k.now)) }, open: true},
		{api: &simAPI, method: "GET", path: "/requests", handle: func(k *call) reply { return ok(sortedCounts(k.w.requests)) }, open: true},
		{api: &simAPI, method: "GET", path: "/unknown", handle: func(k *call) reply { return ok(sortedCounts(k.w.unknown)) }, open: true},
		{api: &simAPI, method: "GET", path: "/faults", handle: func(k *call) reply { return ok(k.w.armed()) }, open: true},
		{api: &simAPI, method: "POST", path: "/faults", handle: postFault, open: true},
		{api: &simAPI, method: "DELETE", path: "/faults", handle: deleteFaults, open: true},
		{api: &simAPI, method: "POST", path: "/invitations/{email}/accept", handle: postAccept, open: true},
		{api: &simAPI, method: "GET", path: "/state", handle: func(k *call) reply { return ok(k.w.state(k.now)) }, open: true},
	}
}

func postFault(k *call) reply {
	var f Fault
	if err := json.Unmarshal(k.body, &f); err != nil {
		return k.badControl(err.Error())
	}
	id, err := k.w.addFault(f)
	if err != nil {
		return k.badControl(err.Error())
	}
	return created(map[string]any{"id": id})
}

func deleteFaults(k *call) reply {
	k.w.faults = nil
	return noContent()
}

func postAccept(k *call) reply {
	if !k.w.admit(k.w.current(k.path("email"))) {
		return reply{status: http.StatusNotFound, body: map[string]any{"error": "there is no open invitation for " + k.path("email")}}
	}
	return noContent()
}

func (k *call) badControl(text string) reply {
	return reply{status: http.StatusBadRequest, body: map[string]any{"error": text}}
}

// entries is a copy of the ledger.
func (w *world) entries() []Entry {
	list := make([]Entry, 0, len(w.ledger))
	for _, e := range w.ledger {
		list = append(list, e.clone())
	}
	return list
}
