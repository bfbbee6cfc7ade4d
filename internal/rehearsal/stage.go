package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"offboard/internal/ibmsim"
	"offboard/internal/offboard"
)

// Stage is a scene that answers on loopback, with the faults that were asked for. It is safe for concurrent use.
type Stage struct {
	Scene Scene
	cloud *ibmsim.Cloud
	url   string

	server *ibmsim.Server
	ended  chan error
	opened time.Time

	mu     sync.Mutex
	asked  []*armed
	timers []*time.Timer
}

// armed is a fault and where the simulator knows it by.
type armed struct {
	Fault
	ids []int
	on  bool
	hit int // of faults that are over
}

// Open serves a scene until Close. The error names faults that mean clusters the scene does not have.
func Open(ctx context.Context, scene Scene, faults []Fault) (*Stage, error) {
	if err := spoilAccount(scene.Account, faults); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the rehearsal's simulated account: %w", err)
	}
	s := &Stage{Scene: scene, cloud: ibmsim.New(scene.Account, ibmsim.Options{}), url: "http://" + listener.Addr().String(), ended: make(chan error, 1), opened: time.Now()}
	if s.server, err = ibmsim.NewServer(s.cloud); err != nil {
		return nil, errors.Join(fmt.Errorf("serve the rehearsal's simulated account: %w", err), listener.Close())
	}
	for _, f := range scene.refusals {
		if _, err := s.cloud.AddFault(f); err != nil {
			return nil, errors.Join(fmt.Errorf("refuse what the real account refused: %w", err), listener.Close())
		}
	}
	for _, f := range faults {
		s.asked = append(s.asked, &armed{Fault: f})
	}
	if err := s.Enter(""); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { s.ended <- s.server.Serve(listener) }()
	return s, nil
}

// Close ends the simulator at once; requests under way are cut off.
func (s *Stage) Close() error {
	s.mu.Lock()
	for _, t := range s.timers {
		t.Stop()
	}
	s.mu.Unlock()
	if err := s.server.Close(); err != nil {
		return fmt.Errorf("stop the rehearsal's simulated account: %w", err)
	}
	if err := <-s.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the rehearsal's simulated account ended by itself: %w", err)
	}
	return nil
}

// Endpoints are the base URLs of the simulated services by the environment variables of IBM's tools. The account service
// is not among them where nobody could tell who owns the real account.
func (s *Stage) Endpoints() map[string]string {
	list := s.cloud.Endpoints(s.url)
	if !s.Scene.Owned {
		delete(list, "IBMCLOUD_ACCOUNT_MANAGEMENT_API_ENDPOINT")
	}
	return list
}

// Enter says that a phase begins, and arms the faults that wait for it. Saying it again does nothing.
func (s *Stage) Enter(phase offboard.Phase) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if a.on || a.phase != phase {
			continue
		}
		a.on = true
		for _, f := range a.faults {
			id, err := s.cloud.AddFault(f)
			if err != nil {
				return fmt.Errorf("arm the fault %q: %w", a.Text, err)
			}
			a.ids = append(a.ids, id)
		}
		if a.lasts > 0 {
			s.timers = append(s.timers, time.AfterFunc(a.lasts, func() { s.disarm(a) }))
		}
	}
	return nil
}

func (s *Stage) disarm(a *armed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.hit = s.hits(a)
	for _, id := range a.ids {
		s.cloud.RemoveFault(id)
	}
	a.ids = nil
}

// hits counts what a fault has struck; the caller holds the mutex.
func (s *Stage) hits(a *armed) int {
	n := a.hit
	for _, f := range s.cloud.Faults() {
		for _, id := range a.ids {
			if f.ID == id {
				n += f.Hits
			}
		}
	}
	return n
}

// Faults are the faults that were asked for, and how often each has struck.
func (s *Stage) Faults() []offboard.RehearsedFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []offboard.RehearsedFault
	for _, a := range s.asked {
		list = append(list, offboard.RehearsedFault{Fault: a.Text, Means: a.Means, Hits: s.hits(a)})
	}
	return list
}

// Outages says when something in a cluster had no working key, since the stage was opened. What was so from the start is
// the account's own trouble.
func (s *Stage) Outages() []string {
	var list []string
	for _, o := range s.cloud.Outages() {
		if !o.From.After(s.opened) {
			continue
		}
		until := "to the end"
		if !o.To.IsZero() {
			until = "for " + o.To.Sub(o.From).Round(time.Second/10).String()
		}
		list = append(list, fmt.Sprintf("%s in cluster %s, %s: %s", o.Subject, o.Cluster, until, o.Cause))
	}
	return list
}

// Unknown are the requests that the simulator did not know how to answer: a rehearsal that sent one proves nothing of what
// it was for.
func (s *Stage) Unknown() []string {
	var list []string
	for _, u := range s.cloud.Unknown() {
		list = append(list, u.Method+" "+u.Route)
	}
	return list
}
