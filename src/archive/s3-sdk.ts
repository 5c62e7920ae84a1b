// All that is used of the S3 client library, in one module: the build puts the library itself into it, and only who names a place
// on S3 loads it.
export { DeleteObjectCommand, GetObjectCommand, S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3'
export { Upload } from '@aws-sdk/lib-storage'
