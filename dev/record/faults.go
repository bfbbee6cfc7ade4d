package main

import (
	"net/http"

	"offboard/internal/ibmsim"
)

// fault makes requests go wrong from now on, until calm.
func (p *play) fault(f ibmsim.Fault) {
	if p.err == nil {
		_, err := p.Sim.AddFault(f)
		p.fail("arm a fault", err)
	}
}

// refused is a fault that no second attempt cures.
func refused(service, method, path string) ibmsim.Fault {
	return ibmsim.Fault{Service: service, Method: method, Path: path, Status: http.StatusForbidden, Times: -1,
		Body: `{"incidentID": "1", "code": "E1000", "description": "You may not do this.", "type": "Authorization", "message": "You may not do this."}`}
}

// delayed is a fault that makes a service slow, so that something can happen meanwhile.
func delayed(service string) ibmsim.Fault {
	return ibmsim.Fault{Service: service, Delay: "2s", Times: -1}
}

func (p *play) calm() { p.Sim.ClearFaults() }
