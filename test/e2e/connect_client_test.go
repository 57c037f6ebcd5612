package e2e_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// clients are programs with client-go, and requests by hand.
func clients(w *ways) {
	for name, run := range map[string]func(*ways){
		"Requests": requests, "LargeList": largeList, "Watch": watches, "WatchRefused": watchesRefused, "Informer": informs, "Protobuf": protobuf, "ManyAtOnce": manyAtOnce, "Helm": helmReleases,
	} {
		w.t.Run(name, func(t *testing.T) { run(w.on(t)) })
	}
}

func (w way) clientset(t *testing.T, change ...func(*rest.Config)) *kubernetes.Clientset {
	t.Helper()
	config := rest.CopyConfig(w.config)
	for _, one := range change {
		one(config)
	}
	made, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// asked is one request, as no library would make it.
type asked struct {
	method, path, body string
	header             map[string]string
}

func requestsByHand() map[string]asked {
	const one = "/api/v1/namespaces/still/configmaps/one"
	return map[string]asked{
		"JSON":              {path: one},
		"Protobuf":          {path: one, header: map[string]string{"Accept": "application/vnd.kubernetes.protobuf"}},
		"CBOR":              {path: one, header: map[string]string{"Accept": "application/cbor"}},
		"YAML":              {path: one, header: map[string]string{"Accept": "application/yaml"}},
		"Table":             {path: one, header: map[string]string{"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}},
		"Metadata":          {path: one, header: map[string]string{"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}},
		"NotAcceptable":     {path: one, header: map[string]string{"Accept": "image/png"}},
		"Discovery":         {path: "/apis", header: map[string]string{"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}},
		"Gzip":              {path: "/api/v1", header: map[string]string{"Accept-Encoding": "gzip"}},
		"GzipLarge":         {path: "/openapi/v3/api/v1", header: map[string]string{"Accept-Encoding": "gzip"}},
		"OpenAPI":           {path: "/openapi/v3/apis/apps/v1"},
		"OpenAPIProtobuf":   {path: "/openapi/v3/api/v1", header: map[string]string{"Accept": "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"}},
		"OpenAPITwo":        {path: "/openapi/v2"},
		"Head":              {method: http.MethodHead, path: one},
		"Options":           {method: http.MethodOptions, path: one},
		"TwoSlashes":        {path: "/api/v1//namespaces/still/configmaps/one"},
		"LastSlash":         {path: one + "/"},
		"Escaped":           {path: "/api/v1/namespaces/kit/services/http:kit:80/proxy/a%2Fb%20c?d=%2F&e=f+g"},
		"BodyToService":     {method: http.MethodPost, path: "/api/v1/namespaces/kit/services/kit:80/proxy/in", body: strings.Repeat("x", 100_000)},
		"ServiceRedirect":   {path: "/api/v1/namespaces/kit/services/kit:80/proxy"},
		"NotFound":          {path: "/api/v1/namespaces/still/configmaps/none"},
		"NoSuchGroup":       {path: "/apis/none.example/v1/things"},
		"MethodNotAllowed":  {method: http.MethodPatch, path: "/api/v1/namespaces/still/configmaps", header: map[string]string{"Content-Type": "application/merge-patch+json"}, body: "{}"},
		"Unsupported":       {method: http.MethodPost, path: "/api/v1/namespaces/still/configmaps", header: map[string]string{"Content-Type": "text/plain"}, body: "{}"},
		"BadJSON":           {method: http.MethodPost, path: "/api/v1/namespaces/still/configmaps", header: map[string]string{"Content-Type": "application/json"}, body: "{"},
		"Unprocessable":     {method: http.MethodPost, path: "/api/v1/namespaces/still/configmaps?dryRun=All", header: map[string]string{"Content-Type": "application/json"}, body: `{"metadata":{"name":"UPPER"}}`},
		"Conflict":          {method: http.MethodPut, path: one + "?dryRun=All", header: map[string]string{"Content-Type": "application/json"}, body: `{"metadata":{"name":"one","resourceVersion":"1"}}`},
		"TooLarge":          {method: http.MethodPost, path: "/api/v1/namespaces/still/configmaps?dryRun=All", header: map[string]string{"Content-Type": "application/json"}, body: `{"metadata":{"name":"big"},"data":{"a":"` + strings.Repeat("x", 4<<20) + `"}}`},
		"Warning":           {path: "/api/v1/componentstatuses/none"},
		"DryRun":            {method: http.MethodDelete, path: one + "?dryRun=All"},
		"BadQuery":          {path: "/api/v1/namespaces/still/configmaps?limit=many"},
		"BadVersion":        {path: "/api/v1/namespaces/still/configmaps?resourceVersion=none"},
		"BadContinue":       {path: "/api/v1/namespaces/still/configmaps?limit=1&continue=none"},
		"BadSelector":       {path: "/api/v1/namespaces/still/configmaps?labelSelector=!!!"},
		"UpgradeWithoutAny": {path: "/api/v1/namespaces/kit/pods/talks/exec?command=x", method: http.MethodPost},
	}
}

// told is what an answer says, without what differs by chance.
func (a asked) told(ctx context.Context, w way, protocol string) (string, error) {
	config := rest.CopyConfig(w.config)
	config.DisableCompression = true
	config.NextProtos = []string{protocol}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return "", err
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequestWithContext(ctx, a.method, w.server+a.path, strings.NewReader(a.body))
	if err != nil {
		return "", err
	}
	for name, value := range a.header {
		request.Header.Set(name, value)
	}
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	header := answer.Header.Clone()
	// Whether the length is told depends on the protocol of each hop.
	for _, chance := range []string{"Content-Length", "Date", "Audit-Id", "X-Ms-Request-Id", "X-Ms-Correlation-Request-Id", "Strict-Transport-Security", "X-Content-Type-Options", "Connection", "Keep-Alive", "Traceparent"} {
		header.Del(chance)
	}
	var all strings.Builder
	fmt.Fprintf(&all, "%s %d\n", answer.Proto, answer.StatusCode)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&all, "%s: %s\n", name, strings.ReplaceAll(strings.Join(header[name], ", "), strings.TrimPrefix(w.server, "https://"+request.URL.Host), ""))
	}
	fmt.Fprintf(&all, "\n%q\n", body)
	return all.String(), nil
}

func requests(w *ways) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		for name, one := range requestsByHand() {
			w.t.Run(name+"/"+protocol, func(t *testing.T) {
				direct, err := one.told(t.Context(), w.direct, protocol)
				if err != nil {
					t.Fatal(err)
				}
				hub, err := one.told(t.Context(), w.hub, protocol)
				if err != nil {
					t.Fatal(err)
				}

				same(t, direct, hub)
			})
		}
	}
	w.t.Run("NotModified", func(t *testing.T) { notModified(w.on(t)) })
}

// notModified asks again for what has not changed.
func notModified(w *ways) {
	client, err := rest.HTTPClientFor(rest.CopyConfig(w.hub.config))
	if err != nil {
		w.t.Fatal(err)
	}
	get := func(tag string) (status int, etag string) {
		request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.hub.server+"/openapi/v3/api/v1", nil)
		if err != nil {
			w.t.Fatal(err)
		}
		request.Header.Set("If-None-Match", tag)
		answer, err := client.Do(request)
		if err != nil {
			w.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return answer.StatusCode, answer.Header.Get("Etag")
	}
	first, tag := get("")
	if again, _ := get(tag); first != http.StatusOK || again != http.StatusNotModified {
		w.t.Errorf("%d with tag %s, then %d", first, tag, again)
	}
}

const (
	crowdSize  = 2000
	crowdBytes = 6000
)

// largeList lists more than ten megabytes, at once and in pieces.
func largeList(w *ways) {
	w.kubectl("create", "namespace", "crowd")
	defer w.kubectl("delete", "namespace", "crowd", "--wait=false")
	client := w.direct.clientset(w.t)
	text := strings.Repeat("all hands on deck ", crowdBytes/18)
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := worker; i < crowdSize; i += 16 {
				one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("hand-%04d", i)}, Data: map[string]string{"text": text}}
				if _, err := client.CoreV1().ConfigMaps("crowd").Create(w.t.Context(), one, metav1.CreateOptions{}); err != nil {
					w.t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	began := time.Now()
	direct, hub := w.direct.run(w.t, nil, "", "get", "--raw", "/api/v1/namespaces/crowd/configmaps"), rawList(w, "")
	w.t.Logf("%d bytes; direct and hub together took %s", len(hub), time.Since(began))
	if len(hub) < 10<<20 {
		w.t.Errorf("the list has %d bytes only", len(hub))
	}
	same(w.t, exactList(direct.Out), exactList(hub))
	if found := w.pages(w.hub, 300); len(found) != crowdSize+1 || !slices.Equal(found, w.pages(w.direct, 170)) {
		w.t.Errorf("in pieces there are %d objects", len(found))
	}
}

func rawList(w *ways, query string) string {
	return w.hub.run(w.t, nil, "", "get", "--raw", "/api/v1/namespaces/crowd/configmaps"+query).Out
}

// exactList leaves out the version of the list itself, which is the first that there is in it.
func exactList(text string) string {
	before, rest, _ := strings.Cut(text, `"resourceVersion":"`)
	_, after, _ := strings.Cut(rest, `"`)
	return before + after
}

func (w *ways) pages(by way, limit int64) []string {
	w.t.Helper()
	var names []string
	options := metav1.ListOptions{Limit: limit}
	for {
		page, err := by.clientset(w.t).CoreV1().ConfigMaps("crowd").List(w.t.Context(), options)
		if err != nil {
			w.t.Fatal(err)
		}
		for i := range page.Items {
			names = append(names, page.Items[i].Name)
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return names
		}
	}
}

// heard is what a watch says until so many events have come, or it ends.
func (w *ways) heard(by way, namespace string, options metav1.ListOptions, most int) []string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	stream, err := by.clientset(w.t).CoreV1().ConfigMaps(namespace).Watch(ctx, options)
	if err != nil {
		return []string{err.Error()}
	}
	defer stream.Stop()
	var found []string
	for event := range stream.ResultChan() {
		found = append(found, describe(event))
		if len(found) == most {
			break
		}
	}
	return found
}

func describe(event watch.Event) string {
	switch object := event.Object.(type) {
	case *corev1.ConfigMap:
		return fmt.Sprintf("%s %s %s %v %v", event.Type, object.Name, object.ResourceVersion, object.Data, object.Annotations)
	case *metav1.Status:
		return fmt.Sprintf("%s %d %s", event.Type, object.Code, object.Reason)
	default:
		return fmt.Sprintf("%s %T", event.Type, object)
	}
}

// watches sees the same events in the same order, from the beginning, from the middle, and with bookmarks.
func watches(w *ways) {
	w.kubectl("create", "namespace", "events")
	defer w.kubectl("delete", "namespace", "events", "--wait=false")
	maps := w.direct.clientset(w.t).CoreV1().ConfigMaps("events")
	w.eventually(20*time.Second, func() string { // Kubernetes puts one of its own into every namespace
		if _, err := maps.Get(w.t.Context(), "kube-root-ca.crt", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
	start, err := maps.List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	const rounds = 40
	var live []string
	var listening sync.WaitGroup
	listening.Go(func() {
		live = w.heard(w.hub, "events", metav1.ListOptions{ResourceVersion: start.ResourceVersion}, 3*rounds)
	})
	for i := range rounds {
		one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("event-", i)}}
		made, err := maps.Create(w.t.Context(), one, metav1.CreateOptions{})
		if err == nil {
			made.Data = map[string]string{"i": fmt.Sprint(i)}
			_, err = maps.Update(w.t.Context(), made, metav1.UpdateOptions{})
		}
		if err == nil {
			err = maps.Delete(w.t.Context(), one.Name, metav1.DeleteOptions{})
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	listening.Wait()
	from := metav1.ListOptions{ResourceVersion: start.ResourceVersion}
	past := w.heard(w.direct, "events", from, 3*rounds)
	same(w.t, strings.Join(past, "\n"), strings.Join(live, "\n"))
	if len(past) != 3*rounds {
		w.t.Fatalf("%d events", len(past))
	}
	from.ResourceVersion = strings.Fields(past[rounds])[2] // resume
	same(w.t, strings.Join(past[rounds+1:], "\n"), strings.Join(w.heard(w.hub, "events", from, 2*rounds-1), "\n"))

	// All that there is, then a bookmark that says so, then the end after two seconds.
	second := int64(2)
	yes := true
	initial := metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, TimeoutSeconds: &second}
	began := time.Now()
	said := w.heard(w.hub, "still", initial, 100)
	if took := time.Since(began); took < 1500*time.Millisecond || took > 8*time.Second {
		w.t.Errorf("a watch for two seconds ended after %s", took)
	}
	if len(said) < 7 || !strings.HasPrefix(said[6], "BOOKMARK") || !strings.Contains(said[6], "initial-events-end:true") {
		w.t.Errorf("events and bookmark: %q", said)
	}
}

// watchesRefused asks for what the API server cannot give.
func watchesRefused(w *ways) {
	for _, version := range []string{"none", "-1"} {
		options := metav1.ListOptions{ResourceVersion: version}
		same(w.t, strings.Join(w.heard(w.direct, "still", options, 1), "\n"), strings.Join(w.heard(w.hub, "still", options, 1), "\n"))
	}
}

// informs lets an informer follow, and changes something through the hub as well.
func informs(w *ways) {
	w.kubectl("create", "namespace", "inform")
	defer w.kubectl("delete", "namespace", "inform", "--wait=false")
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	client := w.hub.clientset(w.t)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace("inform"))
	follows := factory.Core().V1().ConfigMaps()
	handler, err := follows.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{})
	if err != nil {
		w.t.Fatal(err)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	if !cache.WaitForCacheSync(ctx.Done(), handler.HasSynced) {
		w.t.Fatal("it is never in step")
	}
	for i := range 120 {
		name := fmt.Sprint("seen-", i)
		maps := []way{w.direct, w.hub}[i%2].clientset(w.t).CoreV1().ConfigMaps("inform")
		_, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		if err == nil && i%3 == 0 {
			_, err = maps.Patch(ctx, name, types.MergePatchType, []byte(`{"data":{"changed":"yes"}}`), metav1.PatchOptions{})
		}
		if err == nil && i%4 == 0 {
			err = maps.Delete(ctx, name, metav1.DeleteOptions{})
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.eventually(10*time.Second, func() string { return w.outOfStep(follows.Informer().GetStore()) })
}

// outOfStep is empty when an informer has what there is.
func (w *ways) outOfStep(known cache.Store) string {
	there, err := w.direct.clientset(w.t).CoreV1().ConfigMaps("inform").List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	if len(there.Items) != len(known.List()) || len(there.Items) < 90 {
		return fmt.Sprintf("%d objects, and %d are known", len(there.Items), len(known.List()))
	}
	for i := range there.Items {
		found, ok, err := known.Get(&there.Items[i])
		if err != nil || !ok || found.(*corev1.ConfigMap).ResourceVersion != there.Items[i].ResourceVersion { //nolint:forcetypeassert // an informer of ConfigMaps
			return there.Items[i].Name + " is not known as it is"
		}
	}
	return ""
}

// protobuf is what controllers speak.
func protobuf(w *ways) {
	speak := func(c *rest.Config) {
		c.ContentType, c.AcceptContentTypes = "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf"
	}
	maps := w.hub.clientset(w.t, speak).CoreV1().ConfigMaps(w.hub.namespace)
	made, err := maps.Create(w.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "binary"}, BinaryData: map[string][]byte{"all": random(w.t, 100_000)}}, metav1.CreateOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	found, err := w.direct.clientset(w.t).CoreV1().ConfigMaps(w.hub.namespace).Get(w.t.Context(), "binary", metav1.GetOptions{})
	if err != nil || !slices.Equal(found.BinaryData["all"], made.BinaryData["all"]) {
		w.t.Errorf("other bytes are there: %v", err)
	}
	if err := maps.Delete(w.t.Context(), "binary", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("none")}); !apierrors.IsConflict(err) {
		w.t.Errorf("a precondition that does not hold: %v", err)
	}
	if err := maps.DeleteCollection(w.t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name=binary"}); err != nil {
		w.t.Error(err)
	}
}

// manyAtOnce is a controller in a hurry: no request is lost, refused or answered with another's answer.
func manyAtOnce(w *ways) {
	for _, protocol := range []string{"h2", "http/1.1"} {
		client := w.hub.clientset(w.t, func(c *rest.Config) { c.NextProtos = []string{protocol} })
		var all sync.WaitGroup
		for worker := range 50 {
			all.Go(func() {
				name := []string{"one", "two", "three", "four", "five"}[worker%5]
				for range 10 {
					found, err := client.CoreV1().ConfigMaps("still").Get(w.t.Context(), name, metav1.GetOptions{})
					if err != nil || found.Name != name {
						w.t.Errorf("%s: %v, %v", name, found, err)
						return
					}
				}
			})
		}
		all.Wait()
	}
}
