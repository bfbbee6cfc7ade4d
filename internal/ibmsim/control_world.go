package ibmsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Control calls that move the clock or replace the whole world: they must not hold the world's mutex.

// lastYear is the last one that the times of JSON can hold.
const lastYear = 9999

// postClock advances a virtual clock: {"advance": "10m"}.
func (c *Cloud) postClock(rw http.ResponseWriter, r *http.Request) {
	var in struct {
		Advance string `json:"advance"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&in); err != nil {
		http.Error(rw, "read the body: "+err.Error(), http.StatusBadRequest)
		return
	}
	d, err := parseDuration(in.Advance)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	if c.clock.Now().Add(d).Year() > lastYear {
		http.Error(rw, fmt.Sprintf("the clock ends with the year %d", lastYear), http.StatusBadRequest)
		return
	}
	if !c.Advance(d) {
		http.Error(rw, "this cloud runs on real time; start it with a virtual clock", http.StatusConflict)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(map[string]any{"now": c.clock.Now()}) // whoever asked is gone, if it fails
}

// putState loads an account file from the body and begins again with it.
func (c *Cloud) putState(rw http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		http.Error(rw, "read the body: "+err.Error(), http.StatusBadRequest)
		return
	}
	account, err := Parse("in the request", text)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	c.Reset(account)
	rw.WriteHeader(http.StatusNoContent)
}
