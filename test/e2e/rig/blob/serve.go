package blob

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refusal is an error as Azure tells it.
type refusal struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	Detail  string `xml:"AuthenticationErrorDetail,omitempty"`

	status int
}

func (c *Container) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Ms-Request-Id", rand.Text())
	w.Header().Set("X-Ms-Version", cmp.Or(r.Header.Get("X-Ms-Version"), "2020-12-06"))
	container, name, isBlob := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	wanted := read
	if !isBlob {
		wanted = list
	}
	if refused := c.judge(r, container, wanted); refused != nil {
		refuse(w, refused)
		return
	}
	query := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
		refuse(w, &refusal{Code: "UnsupportedHttpVerb", Message: "The resource doesn't support specified Http Verb.", status: http.StatusMethodNotAllowed})
	case container != c.Name:
		refuse(w, &refusal{Code: "ContainerNotFound", Message: "The specified container does not exist.", status: http.StatusNotFound})
	case isBlob:
		c.get(w, name)
	case query.Get("restype") == "container" && query.Get("comp") == "list":
		c.list(w, r)
	default:
		refuse(w, &refusal{Code: "InvalidQueryParameterValue", Message: "Value for one of the query parameters specified in the request URI is invalid.", status: http.StatusBadRequest})
	}
}

func refuse(w http.ResponseWriter, why *refusal) {
	why.Message += "\nRequestId:" + w.Header().Get("X-Ms-Request-Id") + "\nTime:" + time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z")
	w.Header().Set("X-Ms-Error-Code", why.Code)
	write(w, why.status, why)
}

func write(w http.ResponseWriter, status int, document any) {
	text, err := xml.Marshal(document)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	text = bytes.ReplaceAll(text, []byte("&#xA;"), []byte("\n"))                      // as Azure writes them
	_, _ = w.Write(append([]byte(`<?xml version="1.0" encoding="utf-8"?>`), text...)) // the client may be gone
}

func (c *Container) get(w http.ResponseWriter, name string) {
	found, ok := c.all()[name]
	if !ok {
		refuse(w, &refusal{Code: "BlobNotFound", Message: "The specified blob does not exist.", status: http.StatusNotFound})
		return
	}
	for header, value := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Length": strconv.Itoa(len(found.content)), "ETag": `"` + found.tag + `"`,
		"Last-Modified": found.changed.Format(http.TimeFormat), "X-Ms-Blob-Type": "BlockBlob",
	} {
		w.Header().Set(header, value)
	}
	_, _ = w.Write(found.content) // the client may be gone
}

// listing is one page of a list of blobs.
type listing struct {
	XMLName    xml.Name `xml:"EnumerationResults"`
	Service    string   `xml:"ServiceEndpoint,attr"`
	Container  string   `xml:"ContainerName,attr"`
	Prefix     string   `xml:",omitempty"`
	Marker     string   `xml:",omitempty"`
	MaxResults int      `xml:",omitempty"`
	Blobs      []listed `xml:"Blobs>Blob"`
	NextMarker string
}

type listed struct {
	Name         string
	LastModified string `xml:"Properties>Last-Modified"`
	Tag          string `xml:"Properties>Etag"`
	Size         int    `xml:"Properties>Content-Length"`
	ContentType  string `xml:"Properties>Content-Type"`
	BlobType     string `xml:"Properties>BlobType"`
}

// mostListed is how many blobs a page has at most, as in Azure.
const mostListed = 5000

// list answers with one page. Azure's markers are opaque; here one is the name with which the next page begins.
func (c *Container) list(w http.ResponseWriter, r *http.Request) {
	query, blobs := r.URL.Query(), c.all()
	page := listing{Service: c.URL + "/", Container: c.Name, Prefix: query.Get("prefix"), Marker: query.Get("marker")}
	most := mostListed
	if asked, err := strconv.Atoi(query.Get("maxresults")); err == nil && asked > 0 && asked < most {
		most, page.MaxResults = asked, asked
	}
	for _, name := range slices.Sorted(maps.Keys(blobs)) {
		if !strings.HasPrefix(name, page.Prefix) || name < page.Marker {
			continue
		}
		if len(page.Blobs) == most {
			page.NextMarker = name
			break
		}
		one := blobs[name]
		page.Blobs = append(page.Blobs, listed{name, one.changed.Format(http.TimeFormat), one.tag, len(one.content), "application/octet-stream", "BlockBlob"})
	}
	write(w, http.StatusOK, page)
}
