package kube

import (
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// maxWatch ends a watch whose caller gave no timeout, as a real API server does after half an hour to an hour.
const maxWatch = 40 * time.Minute

// watchEvent is one line of a watch.
type watchEvent struct {
	Type   watch.EventType `json:"type"`
	Object any             `json:"object"`
}

// watcher streams one watch.
type watcher struct {
	*request
	server  *Server
	match   selector
	out     *http.ResponseController
	encoder eventWriter
	version int64 // what has been sent
}

func (s *Server) serveWatch(w http.ResponseWriter, q *request) error {
	match, err := selectorOf(q)
	if err != nil {
		return err
	}
	if q.name != "" {
		match.fields = nameSelector(q.name)
	}
	query := q.URL.Query()
	length := maxWatch
	if text := query.Get("timeoutSeconds"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return apierrors.NewBadRequest(fmt.Sprintf("timeoutSeconds %q is not a number of seconds", text))
		}
		if n > 0 {
			length = time.Duration(n) * time.Second
		}
	}
	version, err := watchFrom(query.Get("resourceVersion"))
	if err != nil {
		return err
	}
	v := &watcher{request: q, server: s, match: match, out: http.NewResponseController(w), encoder: streamTo(w, q.Request), version: version}
	initial := query.Get("sendInitialEvents") == "true"
	if version == 0 || initial {
		err = v.sendState(initial)
	}
	if err == nil {
		err = v.out.Flush()
	}
	if err == nil {
		v.follow(w, length)
	}
	return nil // the answer has begun: nothing else can be said
}

// watchFrom reads a resourceVersion; "" and "0" both begin with the present state.
func watchFrom(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 0 {
		return 0, apierrors.NewBadRequest(fmt.Sprintf("invalid resource version %q", text))
	}
	return version, nil
}

// sendState sends what there is as ADDED, and, if asked for, a bookmark that says this was all.
func (v *watcher) sendState(bookmark bool) error {
	s := v.server
	s.mu.Lock()
	present := s.list(v.kind, listNamespace(v.request))
	v.version = s.version
	s.mu.Unlock()
	for _, o := range present {
		if !v.match.matches(o) {
			continue
		}
		if err := v.encoder.Encode(watchEvent{watch.Added, o}); err != nil {
			return err
		}
	}
	if !bookmark {
		return nil
	}
	mark := v.res().make()
	mark.GetObjectKind().SetGroupVersionKind(v.res().gvk())
	mark.SetResourceVersion(strconv.FormatInt(v.version, 10))
	mark.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	return v.encoder.Encode(watchEvent{watch.Bookmark, mark})
}

// follow sends what happens until the time is over, the caller goes, or the history no longer reaches back far enough.
func (v *watcher) follow(w http.ResponseWriter, length time.Duration) {
	end := time.NewTimer(length) // a connection lives in the machine's time, whatever the cluster's clock says
	defer end.Stop()
	for {
		events, wake, state := v.next()
		switch state {
		case watchCut:
			dropConnection(w)
		case watchExpired:
			gone := apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d", v.version)).Status()
			gone.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
			if v.encoder.Encode(watchEvent{watch.Error, gone}) == nil {
				_ = v.out.Flush() // the watch ends here, whether the client still reads or not
			}
			return
		}
		for _, e := range events {
			if err := v.encoder.Encode(e); err != nil {
				return
			}
		}
		if len(events) > 0 {
			if err := v.out.Flush(); err != nil {
				return
			}
		}
		select {
		case <-wake:
		case <-end.C:
			return
		case <-v.Context().Done():
			return
		}
	}
}

type watchState int

const (
	watchOn watchState = iota
	watchExpired
	watchCut
)

// next returns what happened since the last call and a channel that closes when more does.
func (v *watcher) next() ([]watchEvent, <-chan struct{}, watchState) {
	s := v.server
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.unreachable:
		return nil, nil, watchCut
	case v.version < s.logStart:
		return nil, nil, watchExpired
	}
	from := sort.Search(len(s.log), func(i int) bool { return s.log[i].version > v.version })
	var events []watchEvent
	namespace := listNamespace(v.request)
	for _, e := range s.log[from:] {
		if e.kind != v.kind {
			continue
		}
		if out, relevant := v.translate(e, namespace); relevant {
			events = append(events, out)
		}
	}
	v.version = max(v.version, s.version)
	if s.wake == nil {
		s.wake = make(chan struct{})
	}
	return events, s.wake, watchOn
}

// translate tells a change as this watcher sees it: an object that begins to match is new to it, one that no longer
// does is gone.
func (v *watcher) translate(e event, namespace string) (watchEvent, bool) {
	sees := func(o object) bool {
		return o != nil && (namespace == "" || o.GetNamespace() == namespace) && v.match.matches(o)
	}
	switch before, after := sees(e.before), sees(e.after); {
	case before && after:
		return watchEvent{watch.Modified, e.after}, true
	case after:
		return watchEvent{watch.Added, e.after}, true
	case before && e.after != nil: // it is told as it was, under the version of the change
		last := e.before.DeepCopyObject().(object)
		last.SetResourceVersion(e.after.GetResourceVersion())
		return watchEvent{watch.Deleted, last}, true
	case before:
		return watchEvent{watch.Deleted, e.before}, true
	}
	return watchEvent{}, false
}
