//! What every store promises. The same tests run on the disk and, where `WHARF_TEST_S3` names one, on S3.

use super::*;
use futures_util::StreamExt;

/// The stores there are: the disk's folder must live as long as its store.
async fn stores() -> Vec<(Box<dyn BlobStore>, Option<tempfile::TempDir>)> {
    let dir = tempfile::tempdir().unwrap();
    let mut all: Vec<(Box<dyn BlobStore>, _)> = vec![(Box::new(Disk::open(dir.path()).unwrap()), Some(dir))];
    match crate::testing::bucket() {
        Some(bucket) => all.push((Box::new(S3::open(&bucket).await.unwrap()), None)),
        None => eprintln!("SKIPPED on S3: WHARF_TEST_S3 is not set (cargo xtask test unit sets it)"),
    }
    all
}

async fn append(store: &dyn BlobStore, id: &str, offset: u64, hasher: Hasher, parts: &[&[u8]]) -> io::Result<(u64, Hasher)> {
    let (sender, chunks) = mpsc::channel(parts.len().max(1));
    for part in parts {
        sender.send(Bytes::copy_from_slice(part)).await.unwrap();
    }
    drop(sender);
    store.append(id, offset, hasher, chunks).await
}

fn id() -> String {
    crate::clock::Random::default().id()
}

async fn whole(store: &dyn BlobStore, digest: &Digest, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut stream = store.read(digest, range).await?;
    let mut bytes = Vec::new();
    while let Some(part) = stream.next().await {
        bytes.extend_from_slice(&part?);
    }
    Ok(bytes)
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_and_becomes_a_blob() {
    for (store, _dir) in stores().await {
        let (store, id) = (&*store, id());
        let (length, hasher) = append(store, &id, 0, Hasher::new(Algorithm::Sha256), &[b"hello, ", b"wh"]).await.unwrap();
        assert_eq!(length, 9);
        // What lies beyond is cut; the hash is made again, as after a restart.
        let (length, _) = append(store, &id, length, hasher, &[b"ale, and much more"]).await.unwrap();
        assert_eq!(length, 27);
        let hasher = store.rehash(&id, 9, Algorithm::Sha256).await.unwrap();
        let (length, hasher) = append(store, &id, 9, hasher, &[b"arf"]).await.unwrap();
        assert_eq!(length, 12);
        let digest = hasher.finish();
        assert_eq!(digest, digest_of(Algorithm::Sha256, b"hello, wharf"));
        assert_eq!(store.rehash(&id, 12, Algorithm::Sha512).await.unwrap().finish(), digest_of(Algorithm::Sha512, b"hello, wharf"));
        assert_eq!(store.size(&digest).await.unwrap(), None);
        assert!(store.publish(&id, &digest, 11).await.is_err(), "it is not what was hashed");
        store.publish(&id, &digest, 12).await.unwrap();
        assert_eq!(store.size(&digest).await.unwrap(), Some(12));
        assert!(store.publish(&id, &digest, 12).await.is_err(), "it is gone");
        assert_eq!(whole(store, &digest, 7..12).await.unwrap(), b"wharf");
        assert_eq!(whole(store, &digest, 0..12).await.unwrap(), b"hello, wharf");
        assert_eq!(store.read_small(&digest, 12).await.unwrap(), "hello, wharf");
        assert!(store.read_small(&digest, 11).await.is_err());
        // Nothing is left of the upload.
        assert!(store.rehash(&id, 12, Algorithm::Sha256).await.is_err());
        assert!(!store.stale_uploads(Duration::ZERO).await.unwrap().contains(&id));
        let all: Vec<Digest> = store.all().await.unwrap().map(|found| found.unwrap()).collect().await;
        assert!(all.contains(&digest));
        store.delete(&digest).await.unwrap();
        store.delete(&digest).await.unwrap();
        assert_eq!(store.size(&digest).await.unwrap(), None);
        assert!(whole(store, &digest, 0..12).await.is_err());
    }
}

#[tokio::test]
async fn a_blob_of_many_pieces_is_whole() {
    for (store, _dir) in stores().await {
        let (store, id) = (&*store, id());
        // Small and large parts, over several appends.
        let bytes: Vec<u8> = (0..21_000_000_u32).map(|n| (n / 7 + n % 251) as u8).collect();
        let (mut at, mut hasher) = (0, Hasher::new(Algorithm::Sha256));
        for end in [1000, 9_000_000, 9_000_001, 18_000_000, 21_000_000] {
            let parts: Vec<&[u8]> = bytes[at as usize..end].chunks(1 << 20).collect();
            (at, hasher) = append(store, &id, at, hasher, &parts).await.unwrap();
            assert_eq!(at, end as u64);
        }
        let digest = hasher.finish();
        assert_eq!(digest, digest_of(Algorithm::Sha256, &bytes));
        store.publish(&id, &digest, bytes.len() as u64).await.unwrap();
        assert_eq!(store.size(&digest).await.unwrap(), Some(bytes.len() as u64));
        assert!(whole(store, &digest, 0..bytes.len() as u64).await.unwrap() == bytes);
        assert!(whole(store, &digest, 8_999_990..9_000_010).await.unwrap() == bytes[8_999_990..9_000_010]);
        store.delete(&digest).await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_blob_and_a_given_up_upload() {
    for (store, _dir) in stores().await {
        let (store, empty) = (&*store, id());
        let (length, hasher) = append(store, &empty, 0, Hasher::new(Algorithm::Sha256), &[]).await.unwrap();
        let digest = hasher.finish();
        store.publish(&empty, &digest, 0).await.unwrap();
        assert_eq!((length, store.size(&digest).await.unwrap()), (0, Some(0)));
        assert_eq!(whole(store, &digest, 0..0).await.unwrap(), b"");
        let given_up = id();
        append(store, &given_up, 0, Hasher::new(Algorithm::Sha256), &[b"x"]).await.unwrap();
        assert!(store.stale_uploads(Duration::ZERO).await.unwrap().contains(&given_up));
        assert!(!store.stale_uploads(Duration::from_secs(60)).await.unwrap().contains(&given_up));
        store.discard(&given_up).await.unwrap();
        store.discard(&given_up).await.unwrap();
        assert!(!store.stale_uploads(Duration::ZERO).await.unwrap().contains(&given_up));
    }
}

#[tokio::test]
async fn bytes_in_memory_become_a_blob_in_one_go_and_leave_nothing_behind() {
    for (store, _dir) in stores().await {
        for bytes in [&b""[..], b"small"] {
            let (id, digest) = (id(), digest_of(Algorithm::Sha512, bytes));
            assert_eq!(store.size(&digest).await.unwrap(), None);
            // Twice: the same content is pushed again and again.
            for _ in 0..2 {
                store.put(&id, &digest, Bytes::copy_from_slice(bytes)).await.unwrap();
                assert_eq!(store.size(&digest).await.unwrap(), Some(bytes.len() as u64));
                assert_eq!(whole(&*store, &digest, 0..bytes.len() as u64).await.unwrap(), bytes);
            }
            // In S3 an upload without bytes is one that nobody wrote to: it can be published.
            if !bytes.is_empty() {
                assert!(store.publish(&id, &digest, bytes.len() as u64).await.is_err(), "nothing of the upload is left");
            }
            store.delete(&digest).await.unwrap();
        }
    }
}

#[tokio::test]
async fn n_090_an_upload_id_that_is_not_ours_has_no_place() {
    for (store, _dir) in stores().await {
        for id in ["../key", "..", "", "a/b", &"0".repeat(31), "%2e%2e"] {
            assert!(store.discard(id).await.is_err(), "{id:?}");
            assert!(append(&*store, id, 0, Hasher::new(Algorithm::Sha256), &[b"x"]).await.is_err(), "{id:?}");
        }
    }
}

#[tokio::test]
async fn n_091_a_link_that_is_planted_for_an_upload_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path()).unwrap();
    let (id, secret) = (id(), dir.path().join("key"));
    std::fs::write(&secret, "the key").unwrap();
    std::os::unix::fs::symlink(&secret, dir.path().join("uploads").join(&id)).unwrap();
    assert!(append(&disk, &id, 0, Hasher::new(Algorithm::Sha256), &[b"over it"]).await.is_err());
    let digest = digest_of(Algorithm::Sha256, b"the key");
    assert!(disk.publish(&id, &digest, 7).await.is_err());
    assert_eq!(std::fs::read(&secret).unwrap(), b"the key");
    assert_eq!(disk.size(&digest).await.unwrap(), None);
}
