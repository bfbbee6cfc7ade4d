package ibmcloud

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/IBM-Cloud/container-services-go-sdk/kubernetesserviceapiv1"

	"offboard/internal/offboard"
	"offboard/internal/share"
)

// Successors act as a functional ID, with its own key: a cluster key belongs to whoever asks for it (trap 2).
type Successors struct {
	users    *Users
	keys     *Keys
	clusters *Clusters
	emails   []string
	byEmail  map[string]*successor // by lower-case address (trap 21)
}

type successor struct {
	email string
	api   *clients
	lists share.Reads[[]offboard.Key] // of its own keys

	mu    sync.Mutex
	key   string // fingerprint of the key that iamID is known for
	iamID string
}

func (s *Successors) add(f FunctionalID, own *clients) {
	s.emails = append(s.emails, f.Email)
	s.byEmail[strings.ToLower(f.Email)] = &successor{email: f.Email, api: own}
}

// Emails are the configured functional IDs, in the configuration's order.
func (s *Successors) Emails() []string { return slices.Clone(s.emails) }

// Prove tells whose key is configured for a functional ID. Denied if IAM refuses the key; the refusal of a key that
// worked until just now is Unavailable for half a minute, because IAM's replicas lag behind.
func (s *Successors) Prove(ctx context.Context, email string) (offboard.Identity, error) {
	text := "tell whose key is configured for " + email
	who, err := s.find(email, text)
	if err != nil {
		return offboard.Identity{}, err
	}
	return s.users.whose(ctx, who.api, text)
}

// Sees lists the IDs of the scope's clusters that the functional ID can see, sorted.
func (s *Successors) Sees(ctx context.Context, email string, scope offboard.Scope) ([]string, error) {
	text := "list the clusters of " + scope.String() + " as " + email
	who, err := s.find(email, text)
	if err != nil {
		return nil, err
	}
	if scope.Region == "" || scope.ResourceGroup == "" {
		return nil, incomplete(text)
	}
	list, err := s.clusters.visibleTo(ctx, who.api, scope.ResourceGroup)
	if err != nil {
		return nil, titled(err, text)
	}
	var ids []string
	for _, c := range list {
		if c.Scope().ID() == scope.ID() {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// Reset makes a new cluster key for the scope that belongs to the functional ID. It is NOT idempotent and sends one
// request (trap 3). Region and resource group are always sent, because without the latter the key of the account's
// default group would be replaced (trap 1). KeyLimit if the identity is full, Denied if IAM refused to make the key although it is
// not (traps 6, 7: the service says the same of both). An error with Ambiguous set, or that of the ended context, may
// have made a key; any other has not.
func (s *Successors) Reset(ctx context.Context, email string, scope offboard.Scope) error {
	o := op{name: "ResetUserAPIKey", text: "reset the cluster key of " + scope.String() + " as " + email, once: true}
	who, err := s.find(email, o.text)
	if err != nil {
		return err
	}
	region := scope.XRegion()
	if strings.TrimSpace(region) == "" || strings.TrimSpace(scope.ResourceGroup) == "" {
		return incomplete(o.text)
	}
	err = tell(ctx, o, who.api.containers.ResetUserAPIKeyWithContext, &kubernetesserviceapiv1.ResetUserAPIKeyOptions{
		XRegion:           &region,
		XAuthRefreshToken: new(""), // required by the SDK, not sent by live clients (trap 36)
		Headers:           map[string]string{groupHeader: scope.ResourceGroup},
	})
	refused, ok := errors.AsType[*offboard.Error](err)
	if !ok || refused.Code != offboard.KeyLimit || !s.hasRoom(ctx, who) {
		return err
	}
	denied := *refused
	denied.Code = offboard.Denied
	denied.Message += "; it holds fewer keys than it may, so it probably lacks the role User API key creator"
	return &denied
}

// hasRoom tells whether a functional ID may hold more keys; false if that cannot be read.
func (s *Successors) hasRoom(ctx context.Context, who *successor) bool {
	identity, err := s.users.whose(ctx, who.api, "count the keys of "+who.email)
	if err != nil {
		return false
	}
	limit, held, err := s.keys.Room(ctx, []string{identity.IAMID})
	return err == nil && held[identity.IAMID] < limit
}

func (s *Successors) find(email, text string) (*successor, error) {
	who, ok := s.byEmail[strings.ToLower(email)]
	if !ok {
		return nil, offboard.Errorf(offboard.Invalid, text, "%s is not among the configured functional IDs", email)
	}
	return who, nil
}

func incomplete(text string) error {
	return offboard.Errorf(offboard.Invalid, text, "the scope lacks its region or resource group")
}
