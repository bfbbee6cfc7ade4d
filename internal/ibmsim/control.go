package ibmsim

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		{api: &simAPI, method: "POST", path: "/faults/schedule", handle: postSchedule, open: true},
		{api: &simAPI, method: "POST", path: "/owner", handle: postOwner, open: true},
		{api: &simAPI, method: "POST", path: "/invitations/{email}/accept", handle: postAccept, open: true},
		{api: &simAPI, method: "GET", path: "/state", handle: func(k *call) reply { return ok(k.w.state(k.now)) }, open: true},
	}
}

func postFault(k *call) reply {
	var f Fault
	if err := k.strictly(&f); err != nil {
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

// strictly reads a control call's body, in which a misspelt field must not pass for none.
func (k *call) strictly(into any) error {
	d := json.NewDecoder(bytes.NewReader(k.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	return nil
}

// postSchedule arms a schedule of faults: {"seed": 7, "count": 10}.
func postSchedule(k *call) reply {
	var in struct {
		Seed  uint64 `json:"seed"`
		Count int    `json:"count"`
	}
	if err := k.strictly(&in); err != nil {
		return k.badControl(err.Error())
	}
	if in.Count < 1 || in.Count > maxSchedule {
		return k.badControl(fmt.Sprintf("count must be 1 to %d", maxSchedule))
	}
	for _, f := range Schedule(in.Seed, in.Count) {
		if _, err := k.w.addFault(f); err != nil {
			return k.badControl(err.Error())
		}
	}
	return created(k.w.armed())
}

// postOwner transfers the account: {"email": "petra@acme.example"}.
func postOwner(k *call) reply {
	var in struct {
		Email string `json:"email"`
	}
	if err := k.strictly(&in); err != nil {
		return k.badControl(err.Error())
	}
	if err := k.w.transfer(in.Email); err != nil {
		return reply{status: http.StatusConflict, body: map[string]any{"error": err.Error()}}
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
